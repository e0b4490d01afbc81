# What is wrong with the ledger of a job is said before anything is done; when it goes wrong during
# the run, no item is begun any more, those that are begun are done, and a later run goes on.
. tests/shell.sh

log=$scratch/log
: > "$log"

# work LEDGER COUNT PAUSE…: what job_items.lua does; its result is in $scratch/out, its code $?.
work() {
  ledger=$1
  shift
  $as "$moonherd" run --target local tests/e2e/job_items.lua "$ledger" "$log" "$@" \
    > "$scratch/out" 2>&1
}
as=

# refused LEDGER TEXT: exit 1 with that text, and no item was begun.
refused() {
  : > "$log"
  work "$1" 3 0s
  [ $? = 1 ] && grep -q "ledger '$1': .*$2" "$scratch/out" && [ ! -s "$log" ] && return
  cat "$scratch/out" "$log"
  return 1
}

count() { grep -c "$1" "$log"; }

says() {
  grep -q "$1" "$scratch/out" && return
  cat "$scratch/out"
  return 1
}

# ---- before the first item ----------------------------------------------------------------------

mkdir "$scratch/folder.db"
check 'a folder is refused' refused "$scratch/folder.db" 'is a folder'
printf 'this is no database, whatever it is called %1000s' x > "$scratch/bad.db"
check 'what is no database is refused' refused "$scratch/bad.db" 'not a database'
check 'a folder that cannot be made is refused' refused /proc/none/job.db 'no such file'

work "$scratch/good.db" 3 0s
check 'a ledger is made' says '3 done'
head -c 6000 "$scratch/good.db" > "$scratch/cut.db"
head -c 6000 /dev/urandom >> "$scratch/cut.db"
cp "$scratch/good.db.key" "$scratch/cut.db.key"
check 'a ledger that is damaged is refused' refused "$scratch/cut.db" 'malformed'

if command -v sqlite3 > /dev/null; then
  sqlite3 "$scratch/other.db" 'CREATE TABLE tenant (name)'
  check 'a database of something else is refused' refused "$scratch/other.db" 'no ledger of a job'
  check 'and left as it is' [ "$(sqlite3 "$scratch/other.db" .tables)" = tenant ]
  cp "$scratch/good.db" "$scratch/newer.db"
  sqlite3 "$scratch/newer.db" 'PRAGMA user_version = 99'
  check 'a ledger of a newer moonherd is refused' refused "$scratch/newer.db" 'newer program'
  mkfifo "$scratch/lock"
  sqlite3 "$scratch/good.db" < "$scratch/lock" & holder=$!
  exec 9> "$scratch/lock"
  echo 'BEGIN IMMEDIATE;' >&9
  check 'a ledger that somebody holds is refused' refused "$scratch/good.db" 'locked'
  exec 9>&-
  wait $holder
else
  skip 'ledgers made by other programs' 'there is no sqlite3'
fi

if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null; then
  as='setpriv --reuid 65534 --clear-groups'
  chmod 755 "$scratch"
  mkdir -m 755 "$scratch/read-only"
  cp "$scratch/good.db" "$scratch/good.db.key" "$scratch/read-only"
  chmod 444 "$scratch"/read-only/*
  check 'a ledger that cannot be written is refused' refused "$scratch/read-only/good.db" \
    'read-only\|permission denied'
  check 'and one in such a folder' refused "$scratch/read-only/new.db" 'permission denied'
  as=
else
  skip 'a ledger that cannot be written' 'only root can become somebody else'
fi

# ---- during the run ------------------------------------------------------------------------------

# stops LEDGER: a run that ends with exit 1 after some items, all of which were done.
stops() {
  : > "$log"
  work "$1" 3000 0s
  [ $? = 1 ] && [ "$(count began)" -gt 0 ] && [ "$(count began)" -lt 3000 ] &&
    [ "$(count began)" = "$(count did)" ] && return
  cat "$scratch/out"
  return 1
}

# goes_on LEDGER: the rest is done, what was not recorded is looked at, nothing is done twice.
goes_on() {
  work "$1" 3000 0s && [ "$(count did)" = 3000 ] && [ "$(count began)" = 3000 ] &&
    says '0 failed' && return
  echo "began $(count began), did $(count did)"
  return 1
}

# As full as a disk is: no file may grow any more.
limited() { (ulimit -f 250 && stops "$1"); }
check 'a file that cannot grow stops the run' limited "$scratch/limit.db"
check 'and says so' says "ledger '$scratch/limit.db'"
check 'a later run goes on' goes_on "$scratch/limit.db"

mkdir "$scratch/disk"
if unshare -m true 2> /dev/null; then
  on_full_disk() {
    : > "$log"
    unshare -m sh -c 'mount -t tmpfs -o size=200k none "$1/disk" && shift && "$@"; code=$?
      cp "$disk"/job.db* "$kept"; exit $code' sh "$scratch" \
      "$moonherd" run --target local tests/e2e/job_items.lua "$disk/job.db" "$log" 3000 0s \
      > "$scratch/out" 2>&1
    [ $? = 1 ] && [ "$(count began)" -gt 0 ] && [ "$(count began)" = "$(count did)" ] && return
    cat "$scratch/out"
    return 1
  }
  kept=$scratch disk=$scratch/disk
  export kept disk
  check 'a full disk stops the run' on_full_disk
  check 'and says what to do' says 'hint: make room'
  check 'a copy of the ledger goes on' goes_on "$scratch/job.db"
else
  skip 'a full disk' 'nothing can be mounted here'
fi

removed() {
  : > "$log"
  work "$scratch/gone.db" 3000 20ms & run=$!
  for _ in $(seq 400); do
    [ -s "$log" ] && break
    sleep 0.025
  done
  rm "$scratch/gone.db"
  wait $run
  [ $? = 1 ] && [ "$(count did)" -lt 3000 ] && [ "$(count began)" = "$(count did)" ]
}
check 'a ledger that is removed stops the run' removed
check 'and is named' says "ledger '$scratch/gone.db': it was removed"
finish
