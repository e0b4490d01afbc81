# A job of uploads is killed (kill -9) at three points and run again; then two processes share one.
# Every script has its content, and each was accepted once, except at most those in flight at a kill.
#   ITEMS=3000 sh tests/e2e/job_kill.sh    the same with more of them
. tests/shell.sh
. tests/traffic/server.sh

ITEMS=${ITEMS:-300}
CONCURRENCY=16
how=

# work LEDGER [check]: what job_kill.lua does, against the server; with how=exec in the place of the
# shell that calls it.
work() {
  ledger=$1
  shift
  $how env CLOUDFLARE_API_TOKEN="$token" "$moonherd" run --log error --target "$base" \
    --account 00000000000000000000000000000000 tests/e2e/job_kill.lua "$scratch/$ledger.db" \
    "$ITEMS" "$@"
}

# How many uploads the server has accepted since it was started. Its log keeps 10,000 requests.
accepted() {
  curl -s -H "Authorization: Bearer $token" \
    "${base%/client/v4}/moonherd/requests?method=PUT&status=200&limit=10000" |
    grep -o '"target":"[^"]*"' | wc -l
}

# The items that the ledger has as done.
done_of() {
  "$moonherd" jobs show --ledger "$scratch/$1.db" --json 2> /dev/null |
    sed -n 's/^  "done": \([0-9]*\).*/\1/p'
}

# killed_at N: starts the job and kills it once N items are done and not all of them. It stands
# still while they are counted.
killed_at() {
  (how=exec && work killed > /dev/null 2>&1) & job=$!
  for _ in $(seq 2000); do
    kill -STOP $job 2> /dev/null || break
    n=$(done_of killed)
    [ "${n:-0}" -ge "$1" ] && break
    kill -CONT $job
    sleep 0.02
  done
  kill -9 $job 2> /dev/null
  wait $job 2> /dev/null
  n=$(done_of killed)
  [ "$n" -ge "$1" ] && [ "$n" -lt "$ITEMS" ]
}

says() {
  expected=$1
  shift
  said=$("$@") || return 1
  [ "$said" = "$expected" ] || { echo "said: $said"; return 1; }
}

# between COUNT LEAST MOST
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ] || { echo "got: $1"; return 1; }; }

finishes() { work killed > "$scratch/last" && grep -q ' 0 failed$' "$scratch/last"; }

start_server || exit 1
for part in 10 4 2; do
  check "killed at 1/$part" killed_at $((ITEMS / part))
done
check 'the rest is done' finishes
check 'every script is right' says "$ITEMS scripts, 0 wrong" work killed check
check 'each is accepted once, but for those in flight' between "$(accepted)" "$ITEMS" \
  $((ITEMS + 3 * CONCURRENCY))
check 'another run does nothing' says "0 done, $ITEMS skipped, 0 failed" work killed

before=$(accepted)
work shared > "$scratch/one" & one=$!
work shared > "$scratch/two" & two=$!
wait $one && wait $two
check 'two processes share one ledger' [ $? = 0 ]
check 'each item is done by one of them' [ $(($(accepted) - before)) = "$ITEMS" ]
sum() { cat "$scratch/one" "$scratch/two" | awk '{ s += $1 } END { print s }'; }
check 'their counts add up' [ "$(sum)" = "$ITEMS" ]

before=$(accepted)
refused() { ! work "$1" > "$scratch/out" 2>&1 && grep -q "ledger '" "$scratch/out"; }
mkdir "$scratch/folder.db"
check 'a ledger that is a folder is refused' refused folder
printf 'this is no database, whatever it is called %1000s' x > "$scratch/bad.db"
check 'a damaged ledger is refused' refused bad
check 'and nothing was sent' [ "$(accepted)" = "$before" ]
stop_server
finish
