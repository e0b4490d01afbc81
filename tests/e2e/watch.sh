# --watch: a run again for every change of a source, with nothing left of the last one.
. tests/shell.sh
cd "$scratch" || exit 1
mkdir -p parts spec

# comes TEXT: it comes to stand in what was printed; ten seconds, for a machine that is busy.
comes() {
  for _ in $(seq 200); do
    cat out err | grep -qF -- "$1" && return 0
    sleep 0.05
  done
  cat out err
  return 1
}
# watch ARGUMENT…: begins to.
watch() {
  : > out
  "$moonherd" --target local --log error --watch "$@" > out 2> err < /dev/null & pid=$!
}
leave() {
  kill -INT $pid
  wait $pid
  [ $? = 130 ]
}

echo 'return "one"' > parts/word.lua
cat > again.lua << 'EOF'
counter = (counter or 0) + 1
print(require "parts.word", counter)
io.open("report.txt", "w"):write("written"):close()
EOF
watch again.lua
check 'it runs' comes 'one	1'
check 'it stays' comes 'ended with 0; watching ., Ctrl-C leaves'
echo 'return "two"' > parts/word.lua
check 'a module that changes starts it again, with nothing left' comes 'two	1'
echo 'nonsense' > again.lua
check 'a mistake does not end it' comes 'ended with 1'
cat > again.lua << 'EOF'
local moonherd = require "moonherd"
local _ <close> = setmetatable({}, { __close = function () moonherd.sleep "10ms" print "cleaned up" end })
print "waits"
moonherd.sleep "1h"
EOF
check 'a run that lasts' comes 'waits'
echo 'print "third"' > again.lua
check 'is told to end, and may clean up' comes 'cleaned up'
check 'and gives way to the next' comes 'third'
check 'what it writes itself is no reason' sh -c '[ "$(grep -c "one" out)" = 1 ]'
check 'the screen is not cleared' sh -c "! grep -q '$(printf '\033')' out"
check 'Ctrl-C leaves' leave

echo 'it("adds", function () assert.equal(2, 1 + 1) end)' > spec/sum_spec.lua
watch test
check 'tests run' comes '1 passed, 0 failed'
echo 'it("adds", function () assert.equal(3, 1 + 1) end)' > spec/sum_spec.lua
check 'and run again' comes '0 passed, 1 failed'
check 'Ctrl-C leaves them' leave
refused() { "$moonherd" --watch -e 'print(1)' > out 2> err; [ $? = 2 ] && grep -q 'for scripts that are files' err; }
check 'a line of code cannot be watched' refused
finish
