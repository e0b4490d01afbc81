# Secret values that are brought to a server never leave it: not by a route, an error, the log or the
# list of processes, nor by a file, whatever form they take.
. tests/shell.sh
. tests/traffic/server.sh

# Marks without a meaning of their own, so that finding one is no accident.
text='Zq7-planted "secret"/text_Zq7'
key=$(printf 'Zq8+planted.key.of.32.bytes+Zq8' | base64)
umask 000
export TMPDIR="$scratch/tmp"
mkdir "$TMPDIR"

# In plain, as JSON and as a URL have it, in base64 at each of its three offsets, and in hex.
forms() {
  printf '%s\n' 'Zq7-planted' 'text_Zq7' 'Zq8+planted' 'bytes+Zq8' "$key"
  for bytes in 'Zq7-planted' 'Zq8+planted.key'; do
    for before in '' x xx; do
      printf '%s%s' "$before" "$bytes" | base64 | cut -c 5-12
    done
    printf '%s' "$bytes" | od -An -tx1 | tr -d ' \n' && echo
    printf '%s' "$bytes" | od -An -tx1 | tr -d ' \n' | tr a-f A-F && echo
  done
}
forms > "$scratch/forms"
nothing_in() { ! grep -raoEf "$scratch/forms" "$@" | sort | uniq -c | head -20 | grep -a .; }
bring() {
  "$moonherd" run --target local --state "$scratch/unused" tests/e2e/serve_secrets.lua "$base" \
    "$token" "$text" "$key" > "$scratch/answers"
}

check 'the forms are found where they are' eval '! nothing_in "$scratch/forms" > "$scratch/found"'
for log in debug json; do
  serve_options="--log $log"
  check "a server starts, --log $log" start_server
  check 'it is brought secrets' bring
  cp "/proc/$server/cmdline" "$scratch/cmdline"
  cp "/proc/$server/comm" "$scratch/comm"
  check 'no answer holds one' nothing_in "$scratch/answers"
  check 'nor the state while it runs' nothing_in "$scratch/state"
  kill -9 $server # so that what SQLite keeps beside the database stays
  wait $server 2> /dev/null
  check 'nor what a killed one leaves' nothing_in "$scratch/state" "$TMPDIR"
  check 'nor the log' nothing_in "$scratch/log" "$scratch/served"
  check 'nor the list of processes' nothing_in "$scratch/cmdline" "$scratch/comm"
done
some_worked() { [ "$(grep -c '"success":true' "$scratch/answers")" -gt 40 ]; }
check 'and many of the calls worked' some_worked

# The token, too, when it is given on the command line.
: > "$scratch/served"
"$moonherd" serve --listen 127.0.0.1:0 --state "$scratch/state" --token=Zq7-planted-token --log debug \
  > "$scratch/served" 2>> "$scratch/log" &
server=$!
for _ in $(seq 400); do [ -s "$scratch/served" ] && break; sleep 0.025; done
check 'a token of the command line is wiped from it' nothing_in "/proc/$server/cmdline"
check 'and is not in what is printed' nothing_in "$scratch/served" "$scratch/log"
stop_server

modes() { find "$scratch/state" "$@" -printf '%m\n' | sort -u; }
check 'the state is its owner'\''s, with no umask' [ "$(modes -type d) $(modes -type f)" = '700 600' ]
finish
