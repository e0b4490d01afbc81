# --watch: the ways in which editors and other tools change sources, and Ctrl-C at any moment. Each for
# a script and for tests: one case a row of the table.
. tests/shell.sh
cd "$scratch" || exit 1
pid=
trap '[ -z "$pid" ] || kill -KILL $pid 2> /dev/null; rm -rf "$scratch"' EXIT

# comes TEXT: it comes to stand in what was printed; ten seconds, for a machine that is busy.
comes() {
  for _ in $(seq 500); do
    grep -qsF -- "$1" out err && return 0
    sleep 0.02
  done
  echo "'$1' did not come"; cat out err
  return 1
}
# watch ARGUMENT…: begins to.
watch() {
  : > out; : > err # what the last one said is not to be taken for this one's
  "$moonherd" --target local --log error --watch "$@" > out 2> err < /dev/null & pid=$!
}
# leaves SIGNAL CODE: when it is sent the signal.
leaves() {
  kill -"$1" $pid
  wait $pid
  got=$?
  pid=
  [ $got = "$2" ] || { echo "exit code $got"; return 1; }
}
# The module that the script and the test need; what it says is printed.
module() { echo "return '$1'"; }

# ---- ways to save ------------------------------------------------------------------------------

rename_over() { module "$1" > parts/.word.lua.new && mv parts/.word.lua.new parts/word.lua; }
truncate_and_write() { module "$1" > parts/word.lua; }
delete_and_remake() { rm parts/word.lua && sleep 0.3 && module "$1" > parts/word.lua; }
backup_and_write() { mv parts/word.lua parts/word.lua~ && module "$1" > parts/word.lua; }
several_at_once() { module x > parts/other.lua; module "$1" > parts/word.lua; module x > parts/more.lua; }
hard_link() { module "$1" > new.txt && rm parts/word.lua && ln new.txt parts/word.lua && rm new.txt; }
link_elsewhere() { module "$1" > elsewhere.txt && ln -sf "$PWD/elsewhere.txt" parts/word.lua; }
remove_folder() { rm -r parts && comes "module 'parts.word' not found" && mkdir parts && module "$1" > parts/word.lua; }
move_folder_away() { mv parts gone && comes "module 'parts.word' not found" && module "$1" > gone/word.lua && mv gone parts; }
swap_folder() { mkdir next && module "$1" > next/word.lua && mv parts old && mv next parts; }
folder_with_source() { rm -rf parts/*.lua parts; mkdir -p tree/parts && module "$1" > tree/parts/word.lua && mv tree/parts .; }

# saves WAY ARGUMENT…: a run says the old word, the file is saved, a run says the new one; then Ctrl-C.
saves() {
  way=$1
  shift
  rm -rf parts old gone next tree
  mkdir parts
  module old > parts/word.lua
  watch "$@"
  comes 'says old' && comes 'Ctrl-C leaves' && "$way" "new-$way" && comes "says new-$way"
  came=$?
  leaves INT 130 && [ $came = 0 ]
}

mkdir app
cat > again.lua << 'END'
print("says " .. require "parts.word")
END
cat > word_spec.lua << 'END'
it("says", function () print("says " .. require "parts.word") end)
END
for way in rename_over truncate_and_write delete_and_remake backup_and_write several_at_once hard_link \
  link_elsewhere remove_folder move_folder_away swap_folder folder_with_source; do
  check "run: $way" saves $way again.lua
  check "test: $way" saves $way test word_spec.lua
done

# ---- folders that come later -------------------------------------------------------------------

# A module is missing, comes in a folder that was not there, and changes there.
comes_later() {
  rm -rf parts
  watch "$@"
  comes "module 'parts.word' not found" && comes 'Ctrl-C leaves' &&
    mkdir -p parts && module first > parts/word.lua && comes 'says first' &&
    module second > parts/word.lua && comes 'says second' &&
    mkdir -p parts/deep/deeper && echo 'return require "parts.deep.deeper.word"' > parts/word.lua &&
    comes "module 'parts.deep.deeper.word' not found" &&
    module third > parts/deep/deeper/word.lua && comes 'says third'
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
check 'run: a module that comes later, in a new folder' comes_later again.lua
check 'test: likewise' comes_later test word_spec.lua

# The script itself goes, and comes back.
script_goes() {
  module old > parts/word.lua
  cp again.lua kept.lua
  watch kept.lua
  comes 'says old' && rm kept.lua && comes 'cannot open kept.lua' &&
    echo 'print "is back"' > kept.lua && comes 'is back'
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
mkdir -p parts
check 'a script that goes, and comes back' script_goes

# The file is elsewhere; what is watched is where it is.
behind_link() {
  mkdir -p tools bin
  echo 'print "one"' > tools/tool.lua
  ln -sf ../tools/tool.lua bin/tool.lua
  watch bin/tool.lua
  comes one && comes 'Ctrl-C leaves' && echo 'print "two"' > tools/tool.lua && comes two
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
check 'a script that is a link' behind_link

spec_elsewhere() {
  mkdir -p "$scratch/other" work
  echo 'it("is", function () print "one" end)' > other/a_spec.lua
  : > out; : > err
  (cd work && exec "$moonherd" --log error --watch test ../other > ../out 2> ../err < /dev/null) & pid=$!
  comes one && comes 'Ctrl-C leaves' &&
    echo 'it("is", function () print "two" end)' > other/a_spec.lua && comes two
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
check 'specs outside of the working folder' spec_elsewhere

# ---- what is no change -------------------------------------------------------------------------

# What the run itself writes, and what is skipped; the last save shows that nothing else came before it.
no_reason() {
  rm -f count.txt
  cat > writes.lua << 'END'
local moonherd = require "moonherd"
moonherd.fs.mkdir("reports/today", nil, true)
moonherd.fs.write("reports/today/result.json", "{}")
moonherd.fs.mkdir "reports.new"
os.rename("reports.new", "reports.old")
os.remove "reports.old"
io.open("count.txt", "a"):write("run\n"):close()
print "has written"
END
  mkdir -p node_modules .cache
  watch writes.lua
  comes 'has written' && comes 'Ctrl-C leaves' || return 1
  module x > node_modules/a.lua
  module x > .cache/a.lua
  module x > .hidden.lua
  echo text > notes.md
  mkdir -p node_modules/deep && module x > node_modules/deep/b.lua
  rm -r node_modules .cache .hidden.lua
  sleep 0.5 # longer than an editor is waited for
  echo 'print "is over"' >> writes.lua
  comes 'writes.lua has changed: again' && comes 'is over'
  leaves INT 130 && [ "$(wc -l < count.txt)" = 2 ]
}
check 'what is no source, hidden, or of others' no_reason

# A script that builds: what it writes is code. Written as it was it does not start the run again and
# again; what somebody else writes does, and so does the same when nothing runs.
builds() {
  rm -f count.txt && mkdir -p dist
  cat > build.lua << 'END'
local moonherd = require "moonherd"
io.open("count.txt", "a"):write("run\n"):close()
os.remove "dist/worker.mjs" -- as some that build do first
moonherd.fs.write("dist/worker.mjs", "export default " .. require "parts.word")
moonherd.sleep(0.5) -- longer than it takes until a change is seen
print "is built"
END
  module 1 > parts/word.lua
  watch build.lua
  comes 'dist/worker.mjs has changed: again' && comes 'Ctrl-C leaves' && [ "$(wc -l < count.txt)" = 2 ] || return 1
  module 2 > parts/word.lua
  comes 'parts/word.lua has changed: again' && so_often 2 'dist/worker.mjs has changed: again' && so_often 2 'Ctrl-C leaves' &&
    [ "$(wc -l < count.txt)" = 4 ] || return 1
  touch parts/word.lua
  so_often 2 'parts/word.lua has changed: again' && so_often 3 'Ctrl-C leaves' && [ "$(wc -l < count.txt)" = 5 ]
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
removed() {
  echo 'return 1' > gone.lua
  watch slow.lua 0.01
  comes runs && rm gone.lua && comes './gone.lua has changed: again'
  came=$?
  leaves INT 130 && [ $came = 0 ]
}
so_often() { for _ in $(seq 500); do [ "$(grep -cF -- "$2" err)" = "$1" ] && return 0; sleep 0.02; done; cat out err; return 1; }
check 'a script that writes code' builds

# ---- while it runs, while it waits, while it cleans up ------------------------------------------

cat > slow.lua << 'END'
local moonherd = require "moonherd"
local _ <close> = setmetatable({}, { __close = function ()
  print "cleans up"
  io.stdout:flush()
  moonherd.sleep(tonumber(arg[1]))
  print "is clean"
end })
print "runs"
io.stdout:flush()
moonherd.sleep "1h"
END
cat > slow_spec.lua << 'END'
local moonherd = require "moonherd"
it("lasts", function ()
  print "runs"
  local _ <close> = setmetatable({}, { __close = function () print "is clean" end })
  moonherd.sleep "20s"
end)
END
while_it_runs() { watch "$@"; comes runs && leaves INT 130 && comes 'is clean'; }
check 'run: Ctrl-C while it runs' while_it_runs slow.lua 0.01
check 'test: Ctrl-C while one runs' while_it_runs test slow_spec.lua
while_it_waits() { watch "$@"; comes 'Ctrl-C leaves' && leaves "$signal" "$code"; }
signal=INT code=130
check 'run: Ctrl-C while it waits for a change' while_it_waits again.lua
check 'test: likewise' while_it_waits test word_spec.lua
signal=TERM code=143
check 'run: SIGTERM while it waits' while_it_waits again.lua
check 'test: likewise' while_it_waits test word_spec.lua
dumps() {
  watch again.lua
  comes 'Ctrl-C leaves' && kill -QUIT $pid && sleep 0.2 && leaves INT 130
}
check 'a wish to see tasks where there are none' dumps

check 'a source that is removed while it runs' removed
# Saved: the run is told to end. Ctrl-C in its cleanup does not cut that short, and it does not begin again.
while_it_cleans_up() {
  watch slow.lua 0.6
  comes runs && cat slow.lua > new.lua && mv new.lua slow.lua && comes 'cleans up' && leaves INT 130 &&
    comes 'is clean' && [ "$(grep -c runs out)" = 1 ]
}
check 'Ctrl-C while it cleans up after a change' while_it_cleans_up
twice_at_once() {
  watch slow.lua 60
  comes runs && kill -INT $pid && comes 'cleans up' && leaves INT 130 && ! grep -q 'is clean' out
}
check 'Ctrl-C twice does not wait for cleanup' twice_at_once
# Saved again while the run cleans up: it may finish that, and only one run follows.
saved_twice() {
  watch slow.lua 0.8
  comes runs && cat slow.lua > new.lua && mv new.lua slow.lua && comes 'cleans up' &&
    echo 'print "runs last"' > new.lua && mv new.lua slow.lua && comes 'is clean' && comes 'runs last'
  came=$?
  leaves INT 130 && [ $came = 0 ] && [ "$(grep -c runs out)" = 2 ]
}
check 'a second save lets it clean up' saved_twice
finish
