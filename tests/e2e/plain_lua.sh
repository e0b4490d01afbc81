# The command line beside that of lua5.4: what both have prints the same on standard output and ends
# with the same code.
. tests/shell.sh
cd "$scratch" || exit 1
unset LUA_PATH LUA_CPATH LUA_PATH_5_4 LUA_CPATH_5_4 LUA_INIT LUA_INIT_5_4

printf '#!/usr/bin/env lua\nprint(debug.getinfo(1).currentline, arg[0], #arg, ...)' > shebang.lua
printf '\357\273\277#!/usr/bin/env lua\nprint(debug.getinfo(1).currentline, ...)' > mark.lua
printf '#' > comment.lua
printf 'print(1)\r\nprint(2)\rprint(debug.getinfo(1).currentline)\n\rx()' > ends.lua
echo 'print("from a file", type(arg), select("#", ...)) X = 1' > init.lua
echo 'local x <close> = setmetatable({}, { __close = function () print "closed" end }) os.exit(3, true)' \
  > exit.lua

# as_lua COMMAND: LUA in it stands for the program.
outcome() { sh -c "$1" 2> /dev/null < /dev/null; echo "exit $?"; }
as_lua() { [ "$(outcome "$(echo "$1" | sed 's/LUA /lua5.4 /g')")" = "$(outcome "$(echo "$1" |
  sed "s:LUA :'$moonherd' :g")")" ]; }
while IFS= read -r command; do check "as in plain Lua: $command" as_lua "$command"; done << 'END'
LUA shebang.lua a 'b c' ''
LUA mark.lua
LUA comment.lua
LUA ends.lua
LUA exit.lua
echo 'print(debug.getinfo(1).short_src, arg[0], ...)' | LUA - x y
echo 'print(...)' | LUA /dev/stdin 1 2
echo 'error "x"' | LUA -
echo 'return 1,' | LUA -
LUA -e 'error({ code = 2 })'
LUA -e 'print(package.path, package.cpath, package.config)'
LUA_PATH='./?.zz;;' LUA -e 'print(package.path)'
LUA_PATH_5_4='./?.54' LUA_PATH='./?.zz;;' LUA -e 'print(package.path)'
LUA_CPATH=';;./?.so' LUA -e 'print(package.cpath)'
LUA_CPATH_5_4='a;;b' LUA -e 'print(package.cpath)'
LUA_INIT='print "init"' LUA -e 'print(1)'
LUA_INIT='X = 5; local x = 6' LUA -e 'print(X, x)'
LUA_INIT=@init.lua LUA -e 'print(X)'
LUA_INIT_5_4='print(54)' LUA_INIT='print(1)' LUA -e 'print(2)'
LUA_INIT='print(arg[0], arg[1], #arg)' LUA shebang.lua a
LUA_INIT='print = nil' LUA -e 'io.write(type(print))'
LUA_INIT='return 7' LUA -e 'print(1)'
LUA_INIT='' LUA -e 'print(1)'
LUA_INIT='error "bad"' LUA -e 'print(2)'
LUA_INIT='x x' LUA -e 'print(2)'
LUA_INIT=@missing.lua LUA -e 'print(2)'
LUA_INIT='os.exit(0)' LUA -e 'print(2)'
LUA_INIT='os.exit(3)' LUA -e 'print(2)'
echo 'print(X)' | LUA_INIT='X = 1' LUA -
END

export LUA_INIT='X = "set before"'
in_repl() { echo 'X' | "$moonherd" --target local repl 2> /dev/null | grep -q 'set before'; }
check 'the REPL has LUA_INIT too' in_repl
waits() { LUA_INIT='require "moonherd".sleep(0)' "$moonherd" -e 'print "waited"' | grep -q waited; }
check 'LUA_INIT may wait' waits
echo '{ "network": "api" }' > guard.json
guarded() { LUA_INIT='X = "set"' "$moonherd" --guard guard.json -e 'print(X)' | grep -q set; }
check 'a guarded script has it' guarded
export LUA_INIT='print "not for me"'
not_others() { ! "$moonherd" version | grep -q 'not for me'; }
check 'the other commands do not' not_others
unset LUA_INIT
finish
