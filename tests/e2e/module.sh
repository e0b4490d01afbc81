# moonherd.so in a stock lua5.4: what a program that keeps its Lua gets.
. tests/shell.sh

export LUA_CPATH="$PWD/$B/?.so"
# A module under AddressSanitizer needs its library in a program that is not.
case $(grep -o -e '-fsanitize[^ ]*' "$B/flags") in
  *address*) preload=$(${CC:-gcc} -print-file-name=libasan.so) ;;
  *) preload= ;;
esac
lua() { LD_PRELOAD=$preload lua5.4 "$@"; }
says() { [ "$(lua -e "$1" 2>&1)" = "$2" ] || { lua -e "$1"; return 1; }; }

check 'it links no Lua' eval '! readelf -d "$B/moonherd.so" | grep NEEDED | grep -q "liblua5.4\.so"'
check 'it exports what require looks for, and nothing else' \
  [ -z "$(nm -D --defined-only "$B/moonherd.so" | grep -v ' T luaopen_moonherd')" ]
for file in lua/moonherd/[a-z]*.lua; do
  part=$(basename "$file" .lua)
  [ "$part" = init ] || check "require 'moonherd.$part' is enough" \
    says "print(require 'moonherd.$part' == package.loaded['moonherd.$part'])" true
done
check 'all that it does' lua tests/e2e/module.lua "$scratch/state"

example=$PWD/examples/embed/engine.lua
runs_example() { [ "$(cd "$scratch" && lua "$example")" = '3 deployed	true' ]; }
check 'the example of an engine' runs_example

check 'the end of the state closes what runs, without waiting' says '
  local moonherd = require "moonherd"
  moonherd.spawn(function ()
    local _ <close> = setmetatable({}, { __close = function () print(pcall(moonherd.sleep, 0)) end })
    moonherd.sleep "1h"
  end)
  moonherd.step()' 'false	moonherd.sleep: cannot wait: its Lua state is being closed'
check '    also when a task closes it' says '
  local moonherd = require "moonherd"
  moonherd.run(function ()
    moonherd.spawn(function ()
      local _ <close> = setmetatable({}, { __close = function () print "closed" end })
      moonherd.read "Makefile"
    end)
    moonherd.sleep(0)
    os.exit(true, true)
  end)' closed
check '    and finalizers that come later find it gone' says '
  local late = setmetatable({}, { __gc = function (t)
    print(pcall(t.sleep, 0))
    print((pcall(t.log.warn, "x")))
  end })
  local moonherd = require "moonherd"
  late.sleep, late.log = moonherd.sleep, require "moonherd.log"' \
  'false	moonherd has ended with its Lua state
false'
check 'warnings of the log go to warn' eval \
  'lua -W -e "require \"moonherd.log\".warn \"careful\"" 2>&1 | grep -q "^Lua warning: moonherd: .*careful"'
finish
