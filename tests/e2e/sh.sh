# What programs that a script has started see of its end: nothing of them is left behind.
. tests/shell.sh

cat > "$scratch/run.lua" << 'END'
local moonherd = require "moonherd"
moonherd.sh({ "sh", "-c", "sleep 1000 & echo $! > pids.new; mv pids.new pids; wait" },
  { stream = "job: " })
END

# Whether the process in the file has gone, or goes soon. A zombie has: whoever adopts it reaps it.
is_gone() {
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    status=/proc/$(cat "$scratch/pids")/status
    { [ -e "$status" ] && ! grep -q '^State:.Z' "$status"; } 2> "$scratch/said" || return 0
    sleep 0.2
  done
  return 1
}

ends_with() {
  rm -f "$scratch/pids"
  (cd "$scratch" && exec "$moonherd" run --target local run.lua) &
  script=$!
  while [ ! -e "$scratch/pids" ]; do sleep 0.05; done
  kill -"$1" $script
  wait $script 2> "$scratch/said"
  [ $? -ge 128 ] && is_gone
}

for signal in INT TERM HUP; do
  check "programs end with a script that is sent $signal" ends_with $signal
done

# A background shell ignores SIGHUP for what it starts under nohup: so do we.
survives_nohup() {
  rm -f "$scratch/pids"
  (cd "$scratch" && trap '' HUP && exec "$moonherd" run --target local run.lua) &
  script=$!
  while [ ! -e "$scratch/pids" ]; do sleep 0.05; done
  kill -HUP $script
  kill -TERM $script
  wait $script 2> "$scratch/said"
  [ $? = 143 ] && is_gone
}
check 'a script under nohup goes on' survives_nohup

cat > "$scratch/many.lua" << 'END'
local moonherd = require "moonherd"
local function descriptors() return #moonherd.fs.list "/proc/self/fd" end
moonherd.sh { "true" }
local before, list = descriptors(), {}
for i = 1, 1000 do list[i] = i end
moonherd.map(list, { concurrency = 8 }, function () moonherd.sh { "true" } end)
moonherd.sleep(0) -- handles close in the next turn of the loop
print(descriptors() - before .. " descriptors")
local zombies = moonherd.sh { "sh", "-c", "ps -o stat= --ppid $PPID | grep -c Z || true" }
print(zombies.stdout:match "%d+" .. " zombies")
END
leaves_nothing() {
  [ "$("$moonherd" run --target local "$scratch/many.lua")" = '0 descriptors
0 zombies' ]
}
check '1,000 programs, 8 at once, leave nothing behind' leaves_nothing
finish
