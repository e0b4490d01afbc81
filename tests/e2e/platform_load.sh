# Sixty-four clients mix all operations: every answer is the one that is due, what they read is what
# they wrote, and the server keeps no more memory and no more descriptors than it did when it was
# warm. SECONDS_OF_LOAD=600 is the long form of it.
. tests/shell.sh
. tests/traffic/server.sh

SECONDS_OF_LOAD=${SECONDS_OF_LOAD:-3}
CLIENTS=${CLIENTS:-64}

memory() { awk '/^VmRSS/ { print $2 }' "/proc/$server/status"; }
descriptors() { ls "/proc/$server/fd" | wc -l; }

load() { traffic clients="$CLIENTS" reads=true "$@"; }

# stays_below WHAT LEAST MOST
stays_below() {
  echo "     $1: $2 before, $3 after"
  [ "$3" -le "$4" ]
}

check 'it starts' start_server
check 'and warms up' load seed=1 seconds=$((SECONDS_OF_LOAD / 4 + 1))
warm=$(memory) open=$(descriptors)
check 'every answer is the one that is due' load seed=2 seconds="$SECONDS_OF_LOAD"
# What it keeps of the last 10,000 requests, and SQLite's pages, may still grow a little.
# AddressSanitizer holds back what is freed, a quarter of a gigabyte of it.
slack=16
! nm "$moonherd" 2> /dev/null | grep -q __asan_init || slack=512
check 'memory stays flat' stays_below KiB "$warm" "$(memory)" $((warm + slack * 1024))
check 'descriptors too' stays_below descriptors "$open" "$(descriptors)" $((open + 2))
check 'the end is a clean one' stop_server
no_errors() { ! grep -v 'warning: the upload drops secret' "$scratch/log"; }
check 'nothing was reported' no_errors
is_settled() {
  ls -l "$scratch/state" > "$scratch/left"
  ! grep -v -e '^total' -e ' platform\.\(db\|key\)$' "$scratch/left"
}
check 'what SQLite keeps beside the database is gone' is_settled

# Stopped under load: what was answered is there in full, what came later was refused.
check 'it starts again' start_server
drained() {
  traffic clients=64 seed=3 pid=$server signal=TERM after=100 && wait $server
}
check 'SIGTERM lets requests be answered, and exits 0' drained
check 'and leaves a sound state' is_settled
has_everything() { start_server && traffic clients=64 && stop_server; }
check 'with everything that was answered' has_everything
finish
