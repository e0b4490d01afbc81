# Modules that others wrote: those of Debian, LUA_PATH and LUA_CPATH, trees of LuaRocks.
. tests/shell.sh

cd "$scratch" || exit 1

# prints TEXT CODE: what the code prints, under moonherd.
prints() {
  got=$("$moonherd" -e "$2" 2>&1)
  [ "$got" = "$1" ] || { echo "$got"; return 1; }
}
# of_debian NAME TEXT CODE: when lua5.4 finds the module, so does moonherd.
of_debian() {
  if lua5.4 -e "require '$1'" 2> /dev/null; then check "$1" prints "$2" "$3"
  else skip "$1" 'not installed'; fi
}

of_debian pl.List '{2,4,6}' 'print(require "pl.List" { 1, 2, 3 }:map(function (x) return 2 * x end))'
of_debian pl.pretty '{a=1}' 'print(require "pl.pretty".write({ a = 1 }, ""))'
of_debian pl.class 'true' 'local A = require "pl.class"() print(A:class_of(A()))'
of_debian pl.stringx 'a|b' 'print(require "pl.stringx".split("a,b", ","):concat "|")'
of_debian pl.data '2' 'print(#require "pl.data".read(io.tmpfile() and require "pl.stringio".open "a,b\n1,2\n3,4\n"))'
of_debian argparse 'x' 'local p = require "argparse" "p" p:argument "a" print(p:parse { "x" }.a)'
of_debian lpeg 'abc' 'local l = require "lpeg" print(l.match(l.C(l.R "az" ^ 1), "abc1"))'
of_debian re '3' 'print(#require "re".match("1,2,3", "{| {%d} (\",\" {%d})* |}"))'
of_debian lfs 'directory' 'print(require "lfs".attributes("/", "mode"))'
of_debian cjson '[1]' 'print(require "cjson".encode { 1 })'

mkdir -p path/deep tree/share/lua/5.4/rock tree/lib/lua/5.4
echo 'return { name = ... }' > path/found.lua
echo 'return "deep"' > path/deep/init.lua
echo 'return "from a rock"' > tree/share/lua/5.4/rock/init.lua
check 'LUA_PATH' env LUA_PATH="$scratch/path/?.lua" sh -c "'$moonherd' -e 'print(require \"found\".name)' | grep -qx found"
check 'LUA_PATH_5_4 goes first' env LUA_PATH=nowhere LUA_PATH_5_4="$scratch/path/?/init.lua;;" \
  sh -c "'$moonherd' -e 'print((require \"deep\"))' | grep -qx deep"
same_path() { # VARIABLE VALUE EXPRESSION
  [ "$(env "$1=$2" lua5.4 -e "print($3)")" = "$(env "$1=$2" "$moonherd" -e "print($3)")" ]
}
check 'package.path is that of plain Lua' same_path LUA_PATH "$scratch/?.lua;;" package.path
check 'package.cpath, too' same_path LUA_CPATH "$scratch/?.so;;" package.cpath
check 'without either' same_path UNUSED '' 'package.path .. package.cpath'
check 'a tree of LuaRocks' env LUA_PATH="$scratch/tree/share/lua/5.4/?.lua;$scratch/tree/share/lua/5.4/?/init.lua;;" \
  sh -c "'$moonherd' -e 'print((require \"rock\"))' | grep -qx 'from a rock'"
lfs=$(lua5.4 -e 'print(package.searchpath("lfs", package.cpath) or "")' 2> /dev/null)
if [ -n "$lfs" ]; then
  cp "$lfs" tree/lib/lua/5.4/lfs.so
  check 'LUA_CPATH' env LUA_CPATH="$scratch/tree/lib/lua/5.4/?.so" \
    sh -c "'$moonherd' -e 'require \"lfs\" print(package.searchpath(\"lfs\", package.cpath))' | grep -q tree/lib"
else skip LUA_CPATH 'no module in C'; fi
check 'what is part of the program stays so' env LUA_PATH="$scratch/path/?.lua" sh -c \
  "mkdir -p path/moonherd && echo 'return false' > path/moonherd/json.lua && '$moonherd' -e 'print(require \"moonherd.json\" and 1)' | grep -qx 1"
finish
