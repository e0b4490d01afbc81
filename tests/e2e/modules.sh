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
of_debian socket 'hi' 'local socket = require "socket"
  local server = assert(socket.bind("127.0.0.1", 0))
  local client = assert(socket.connect("127.0.0.1", (select(2, server:getsockname()))))
  server:accept():send "hi\n"
  print((client:receive()))'
of_debian socket.url 'host' 'print(require "socket.url".parse "http://host/path".host)'
of_debian mime 'YWJj' 'print((require "mime".b64 "abc"))'
of_debian ssl 'userdata' 'print(type(require "ssl".newcontext { mode = "client", protocol = "any" }))'
of_debian lxp 'a' 'local p = require "lxp".new { StartElement = function (_, name) print(name) end }
  p:parse "<a/>" p:close()'
of_debian zlib 'text' 'local z = require "zlib" print((z.inflate()(z.deflate()("text", "finish"))))'
of_debian luasql.sqlite3 '5' 'local c = require "luasql.sqlite3".sqlite3():connect ":memory:"
  print(c:execute "select 5":fetch())'
of_debian luv 'tick' 'local uv = require "luv"
  local timer = uv.new_timer()
  timer:start(1, 0, function () print "tick" timer:close() end)
  uv.run()'
of_debian cqueues 'slept' 'local cqueues = require "cqueues"
  local queue = cqueues.new()
  queue:wrap(function () cqueues.sleep(0.001) print "slept" end)
  assert(queue:loop())'
of_debian openssl.digest '32' 'print(#require "openssl.digest".new "sha256":final "text")'
of_debian rex_pcre2 '12' 'print(require "rex_pcre2".match("ab12", "\\d+"))'
of_debian yaml 'STREAM_START' 'print(require "yaml".parser "a: 1"().type)'
of_debian dkjson '[1,2]' 'print(require "dkjson".encode { 1, 2 })'
of_debian say 'b' 'local say = require "say" say:set("a", "b") print(say "a")'
of_debian luassert 'true' 'print((pcall(require "luassert".same, { 1 }, { 1 })))'
of_debian term 'false' 'print(require "term".isatty(io.stdout))'
of_debian system 'number' 'print(type(require "system".gettime()))'
of_debian ltn12 'text' 'local ltn12, parts = require "ltn12", {}
  ltn12.pump.all(ltn12.source.string "text", (ltn12.sink.table(parts))) print(parts[1])'

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

# A rock with a module in Lua and one in C, made here: nothing is fetched.
mkdir -p rock/src
echo 'return { double = function (n) return "twice " .. require "rock_in_c".double(n) end }' \
  > rock/src/in_lua.lua
cat > rock/src/in_c.c << 'END'
#include <lauxlib.h>

static int f_double(lua_State *L) {
  lua_pushinteger(L, 2 * luaL_checkinteger(L, 1));
  return 1;
}

int luaopen_rock_in_c(lua_State *L) {
  lua_newtable(L);
  lua_pushcfunction(L, f_double);
  lua_setfield(L, -2, "double");
  return 1;
}
END
cat > rock/rock-1.0-1.rockspec << 'END'
package, version, source = "rock", "1.0-1", { url = "file://src" }
build = {
  type = "builtin",
  modules = { rock_in_lua = "src/in_lua.lua", rock_in_c = "src/in_c.c" },
}
END
rocks() { HOME=$scratch luarocks --lua-version 5.4 --tree "$scratch/rocks" "$@"; }
make_rock() { (cd rock && rocks make > make.log 2>&1 || { cat make.log; false; }); }
has_rock() { (eval "$(rocks path)" && prints 'twice 4' 'print(require "rock_in_lua".double(2))'); }
if command -v luarocks > /dev/null; then
  check 'luarocks make' make_rock
  check 'its modules in Lua and C' has_rock
else skip luarocks 'not installed'; fi

check 'what is part of the program stays so' env LUA_PATH="$scratch/path/?.lua" sh -c \
  "mkdir -p path/moonherd && echo 'return false' > path/moonherd/json.lua && '$moonherd' -e 'print(require \"moonherd.json\" and 1)' | grep -qx 1"
finish
