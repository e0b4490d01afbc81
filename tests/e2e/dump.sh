# SIGQUIT: a script tells what its tasks wait for, and goes on.
. tests/shell.sh

cat > "$scratch/asked.lua" <<'END'
local moonherd = require "moonherd"
local task = moonherd.spawn(moonherd.sleep, "1h")
print "waiting"
io.stdout:flush()
while not io.open(arg[1]) do moonherd.sleep "10ms" end
task:cancel()
print "went on"
END

# wait_for PATTERN FILE
wait_for() {
  for _ in $(seq 200); do
    grep -q "$1" "$2" 2> /dev/null && return 0
    sleep 0.05
  done
  return 1
}

"$moonherd" --log error "$scratch/asked.lua" "$scratch/go" > "$scratch/out" 2> "$scratch/err" &
pid=$!
check 'the script waits' wait_for waiting "$scratch/out"
kill -QUIT $pid
check 'SIGQUIT shows what a task waits for' wait_for 'for sleep.*spawned at .*asked.lua:2 by task 1' \
  "$scratch/err"
check 'the sum is the last line' wait_for 'tasks are alive' "$scratch/err"
touch "$scratch/go"
wait $pid
check 'the script goes on and ends well' [ $? = 0 ]
check 'nothing was lost' wait_for 'went on' "$scratch/out"
finish
