# Two processes on one ledger share its items. One that is killed leaves them to the other, which
# looks at what was in flight; one that stands still keeps them; one that is interrupted says so.
. tests/shell.sh

log=$scratch/log
ITEMS=60

# work NAME: a process that works on $ledger, in the background as $run; its code is in NAME.code.
work() {
  ("$moonherd" run --target local tests/e2e/job_items.lua "$ledger" "$log" $ITEMS 20ms \
    > "$scratch/$1.out" 2>&1 & echo $! > "$scratch/$1.pid"; wait $!
  echo $? > "$scratch/$1.code") & shell=$!
  until [ -s "$scratch/$1.pid" ]; do sleep 0.005; done
  run=$(cat "$scratch/$1.pid")
}

count() { grep -c "$1" "$log"; }
pause_until() { for _ in $(seq 600); do "$@" && return; sleep 0.02; done; return 1; }
begun() { [ "$(count did)" -ge "$1" ]; }

# new LEDGER: nothing was done yet.
new() {
  ledger=$scratch/$1.db
  : > "$log"
  rm -f "$scratch"/*.pid
}

# each_once: every item was done, none was begun again after it had been done.
each_once() {
  did=$(grep did "$log" | sort -u | wc -l)
  [ "$did" = $ITEMS ] && [ "$(count did)" = $ITEMS ] && return
  echo "$(count did) times, $did of them"
  return 1
}

ended() { [ "$(cat "$scratch/$1.code")" = "$2" ] || { cat "$scratch/$1.out"; return 1; }; }
sum() { sed -n 's/ done.*//p' "$scratch/one.out" "$scratch/two.out" | awk '{ s += $1 } END { print s }'; }

new shared
work one; first=$shell
work two; second=$shell
wait $first $second
check 'two processes share the items' each_once
check 'both end well' sh -c "[ \$(cat '$scratch/one.code' '$scratch/two.code' | tr -d '\n') = 00 ]"
check 'their counts add up' [ "$(sum)" = $ITEMS ]

new killed
work one; killed=$run
pause_until begun 5
work two; second=$shell
pause_until begun 15
kill -9 "$killed"
wait $second
check 'one is killed, the other does all' ended two 0
check 'each item once' each_once
check 'after a look at those that were in flight' [ "$(count looked)" -le 4 ]

# grows: somebody does more items than those that were in flight.
grows() {
  before=$(count did)
  sleep 0.2
  [ "$(count did)" -gt $((before + 8)) ]
}

# stopped: the first stands still, not while it writes into the ledger, and the second goes on.
stopped() {
  for _ in $(seq 20); do
    kill -STOP "$first_process"
    grows && return
    kill -CONT "$first_process"
    sleep 0.03
  done
  return 1
}

new stopped
ITEMS=600
work one; first_process=$run first=$shell
work two; second=$shell
pause_until begun 5
check 'one of two stands still' stopped
others_done() { [ "$(count did)" -ge $((ITEMS - 4)) ]; }
pause_until others_done
check 'it keeps its items' [ "$(count looked)" = 0 ]
kill -CONT "$first_process"
wait $first $second
check 'and does them when it goes on' each_once
check 'nothing was taken from it' [ "$(count looked)" = 0 ]

ITEMS=60
new interrupted
work one; first=$shell
pause_until begun 5
kill -INT "$run"
wait $first
check 'an interrupt ends a run' ended one 130
held=$("$moonherd" jobs show --ledger "$ledger" --json |
  sed -n 's/^  "interrupted": \([0-9]*\).*/\1/p')
check 'what was in flight is told' [ "$held" -le 4 ]
work two
wait $shell
check 'the next run goes on' ended two 0
check 'and looks at that' [ "$(count looked)" = "$held" ]
check 'each item was done once' each_once
# Two containers of one name on one machine: neither can see the processes of the other.
contained() {
  unshare --pid --fork --mount-proc "$moonherd" run --target local tests/e2e/job_items.lua "$ledger" \
    "$log" $ITEMS 20ms > "$scratch/$1.out" 2>&1
}
new contained
if unshare --pid --fork --mount-proc true 2> /dev/null; then
  contained one & first=$!
  pause_until begun 1
  contained two
  wait $first
  check 'two containers do not take each other for dead' each_once
else
  skip 'two containers' 'unshare --pid is not allowed here'
fi
finish
