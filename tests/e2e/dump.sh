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

# A loop that does not wait holds the thread: it is asked in its midst, after a second.
cat > "$scratch/loop.lua" <<'END'
local function spin() while true do end end
print "spinning"
io.stdout:flush()
coroutine.wrap(spin)()
END
echo 'print "spinning" io.stdout:flush()
while true do pcall(function () while true do end end) end' > "$scratch/stubborn.lua"
# spins SCRIPT: starts it.
spins() {
  rm -f "$scratch/out"
  "$moonherd" --log error "$scratch/$1" > "$scratch/out" 2> "$scratch/err" &
  pid=$!
  wait_for spinning "$scratch/out"
}
ends_with() { wait $pid; [ $? = "$1" ]; }

check 'a loop' spins loop.lua
kill -QUIT $pid
check 'SIGQUIT shows where it is' wait_for 'task 1 running, at .*loop.lua:1' "$scratch/err"
check 'and that it goes on' kill -0 $pid
kill -TERM $pid
check 'one SIGTERM ends it' ends_with 143
check 'and it is told where it was' grep -q 'loop.lua:4: in main chunk' "$scratch/err"
check 'a loop again' spins loop.lua
kill -INT $pid
check 'one SIGINT ends it too' ends_with 130
check 'a loop that catches everything' spins stubborn.lua
kill -INT $pid
check 'is told of, and what to do' wait_for 'Ctrl-C again ends it where it is' "$scratch/err"
kill -INT $pid
check 'the second SIGINT ends it' ends_with 130

# A call of C looks at no signal; lua5.4 ends at the second Ctrl-C too, and at the first SIGTERM.
echo 'print "spinning" io.stdout:flush()
string.match(("a"):rep(40), ("a*"):rep(30) .. "b")' > "$scratch/match.lua"
for signal in INT:130 TERM:143; do
  check 'an endless match' spins match.lua
  kill -${signal%:*} $pid
  sleep 0.1
  kill -${signal%:*} $pid
  check "two SIG${signal%:*} end it" ends_with ${signal#*:}
done

# The second signal finds the terminal with its echo off.
echo 'local moonherd = require "moonherd"
moonherd.spawn(moonherd.prompt.secret, "Password?")
moonherd.sleep(0.1)
os.execute "stty -a > hidden; { kill $PPID; sleep 0.1; kill $PPID; } &"
string.match(("a"):rep(40), ("a*"):rep(30) .. "b")' > "$scratch/asks.lua"
asks() {
  (cd "$scratch" && sleep 3 | TERM=xterm script -qec "'$moonherd' run asks.lua; stty -a > shown" /dev/null)
}
if command -v script > /dev/null; then
  asks > /dev/null
  check 'a question hides what is typed' grep -q ' -echo ' "$scratch/hidden"
  check 'the second signal shows it again' grep -q ' echo ' "$scratch/shown"
else
  skip 'the terminal is put back' 'no script(1)'
fi
finish
