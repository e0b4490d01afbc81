# Progress as people see it: a bar on a terminal, lines elsewhere, objects with --log json. The
# terminal is util-linux's script(1).
. tests/shell.sh

cat > "$scratch/run.lua" << 'END'
local moonherd = require "moonherd"
local job = moonherd.job { name = "release", ledger = "release.db", concurrency = 1 }
for i = 1, 40 do
  job:add("tenant " .. i, function ()
    moonherd.sleep "20ms"
    if i == 20 then print "half" end
    if i == 30 then moonherd.log.warn "nearly" end
  end)
end
assert(job:run().done == 40)
END

# on_terminal COLUMNS COMMAND: what a terminal of this width is sent.
on_terminal() {
  columns=$1
  shift
  rm -f "$scratch"/release.db*
  TERM=${TERMINAL:-xterm} script -qec "stty cols $columns; $*" "$scratch/typescript" > "$scratch/out" 2>&1 < /dev/null
}
run="'$moonherd' run --target local --state '$scratch/state' '$scratch/run.lua'"

on_terminal 100 "$run"
check 'a terminal has a bar' grep -q '\[#####' "$scratch/out"
check 'the bar tells counts' grep -q 'release: [0-9]* of 40 ([0-9]* %)' "$scratch/out"
check 'the last line stays' sh -c "tail -n 1 '$scratch/out' | grep -q 'release: 40 of 40 (100 %), took'"
check 'output is not torn' grep -q "$(printf '\r\033\\[J')half" "$scratch/out"
check 'the log scrolls above it' grep -q "moonherd: warning: nearly" "$scratch/out"

cat > "$scratch/odd.lua" << 'END'
local moonherd = require "moonherd"
local progress <close> = moonherd.progress("a\u{9b}2J\27[2J\"b\"", { total = 2 })
for _ = 1, 2 do
  moonherd.sleep "300ms"
  progress:step()
end
END
on_terminal 100 "'$moonherd' run --target local '$scratch/odd.lua'"
check 'a name that steers terminals is text' grep -q '\] a?2J\[2J"b": 1 of 2' "$scratch/out"

on_terminal 20 "$run"
check 'a narrow terminal has no cells' sh -c "! grep -q '\\[#' '$scratch/out'"
check 'a narrow terminal has short lines' grep -q "l$(printf 'release: [0-9]* of [0-9 (]*')$(printf '\033')" "$scratch/out"

cat > "$scratch/wide.lua" << 'END'
local moonherd = require "moonherd"
local progress <close> = moonherd.progress("日本語の進捗バー", { total = 1 })
for _ = 1, 3 do
  moonherd.sleep "300ms"
  progress:step()
end
END
on_terminal 20 "'$moonherd' run --target local '$scratch/wide.lua'"
check 'wide characters take the room they need' grep -q "l日本語の進捗バー: 2$(printf '\033')" "$scratch/out"
on_terminal 100 "'$moonherd' run --target local '$scratch/wide.lua'"
check 'more than the total is told, and no time that is left' \
  grep -q '#] 日本語の進捗バー: 2 of 1 (100 %), [0-9.]*/s' "$scratch/out"

TERMINAL=dumb on_terminal 100 "$run"
check 'a dumb terminal is sent no codes' sh -c "! grep -q '$(printf '\033')' '$scratch/out'"

rm -f "$scratch"/release.db*
check 'a log gets no codes, and nothing of what is quick' sh -c \
  "$run 2>&1 >/dev/null | { ! grep -e '$(printf '\033')' -e ' of 40'; }"

cat > "$scratch/slow.lua" << 'END'
local moonherd = require "moonherd"
local progress <close> = moonherd.progress("slow", { total = 3 })
for _ = 1, 3 do
  moonherd.sleep "2.6s"
  progress:step()
end
END
"$moonherd" run --target local --log json "$scratch/slow.lua" > "$scratch/out" 2> "$scratch/json" &
"$moonherd" run --target local "$scratch/slow.lua" > "$scratch/out" 2> "$scratch/err"
wait
check 'a log gets a line every few seconds' grep -q '^moonherd: slow: 2 of 3 (66 %), [0-9]*s left' "$scratch/err"
check 'and one at the end' grep -q '^moonherd: slow: 3 of 3 (100 %), took' "$scratch/err"
check 'nothing is on standard output' test ! -s "$scratch/out"
check '--log json has the numbers' grep -q '"progress":{.*"done":2,.*"total":3' "$scratch/json"
finish
