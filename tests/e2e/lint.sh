# The checks of `make lint` find what they are there to find, and accept what is right.
. tests/shell.sh

command -v git >/dev/null && command -v lua5.4 >/dev/null || { skip lint 'no git or lua5.4'; finish; exit; }

top=$PWD
tree=$scratch/tree
mkdir -p "$tree/tests"
cp -r tests/lint "$tree/tests/"
cd "$tree" && git init --quiet . || exit 1

# file PATH: fills a file from standard input.
file() {
  mkdir -p "$(dirname "$1")"
  cat > "$1"
}

# finds CHECK PATH WORDS: the check fails, naming the file and saying this of it.
finds() {
  output=$(lua5.4 "tests/lint/$1.lua" 2>&1) && return 1
  echo "$output" | grep -q "^$2:[0-9]*: .*$3" || { echo "$output"; return 1; }
}

file runtime/core/loop.c <<'C'
#include "core/task.h"
#include <lua.h>
C
check 'the plain core must not include Lua' finds layers runtime/core/loop.c lua.h
check 'the plain core must not include the rest' finds layers runtime/core/loop.c core/task.h

file runtime/io/http.c <<'C'
#include "bindings/x.h"
/* #include "core/realm.h" */
C
check 'io must not include bindings' finds layers runtime/io/http.c bindings/x.h
file runtime/cli/main.c <<'C'
#include "moonherd.h"
#include "core/buf.h"
C
check 'the program must not include the core' finds layers runtime/cli/main.c core/buf.h
file bindings/http.c <<'C'
#include "bindings/json.h"
C
check 'bindings must not include each other' finds layers bindings/http.c bindings/json.h

file lua/moonherd/platform/a.lua <<'LUA'
local client = require("moonherd.cloudflare.client")
local rows = store:read { { "SELECT a FROM b" } }
return coroutine.wrap(client, rows)
LUA
check 'the platform must not require the client' finds layers lua/moonherd/platform/a.lua cloudflare
check 'SQL stays in the store' finds layers lua/moonherd/platform/a.lua SQL
check 'coroutine stays in async.lua' finds layers lua/moonherd/platform/a.lua coroutine
rm -r lua runtime bindings

file runtime/core/buf.c <<'C'
/* strcpy(a, b) */
static const char *text = "strcpy(a)";
void f(void) { object->printf(1); (*printf_like)(1); }
C
file lua/moonherd/right.lua <<'LUA'
-- coroutine.wrap and SELECT a FROM b, in a comment.
return "coroutine.wrap"
LUA
check 'comments, strings and members are no calls' lua5.4 tests/lint/text.lua
check 'nor are comments and strings in Lua' lua5.4 tests/lint/layers.lua
echo 'void f(void) { strcpy(a, b); }' | file runtime/core/buf.c
check 'unsafe functions' finds text runtime/core/buf.c strcpy
echo 'void f(void) { exit(1); }' | file runtime/core/buf.c
check 'functions of the host' finds text runtime/core/buf.c exit
echo 'void f(void) { time(0); }' | file runtime/core/buf.c
check 'clocks' finds text runtime/core/buf.c time
printf '%s\n' '-- TO''DO' | file lua/moonherd/a.lua
check 'unfinished work' finds text lua/moonherd/a.lua 'finish it'
yes 'local a = 1' | head -401 | file lua/moonherd/a.lua
check 'long files' finds text lua/moonherd/a.lua '401 lines'
rm lua/moonherd/a.lua runtime/core/buf.c

file lua/moonherd/a.lua <<'LUA'
local M = {}
local function helper() end
function M._private(x) return x end
--- Says something.
---@param x string  what
function M.right(x) return x end
return M
LUA
file lua/moonherd/docs/comments.lua < "$top/lua/moonherd/docs/comments.lua" # its reader
check 'documented functions are accepted' lua5.4 tests/lint/docs.lua
file lua/moonherd/a.lua <<'LUA'
local M = {}
function M.bare() end
--- Says something.
---@param x string  what
---@error bad  when it is
function M.half(x, y) return x, y end
return M
LUA
check 'functions without a doc comment' finds docs lua/moonherd/a.lua 'bare has no doc'
check 'parameters that are not documented' finds docs lua/moonherd/a.lua "parameter 'y'"
check 'errors of an unknown kind' finds docs lua/moonherd/a.lua '@error'

if command -v gcc >/dev/null; then
  echo 'int hidden(void) { static int count; return ++count; } const char *const name = "a";' |
    gcc -fPIC -x c -c - -o a.o && ar rc libmoonherd.a a.o
  check 'writable globals' sh -c 'B=. sh tests/lint/globals.sh 2>&1 | grep -q count'
  check 'constants are not writable' sh -c '! B=. sh tests/lint/globals.sh 2>&1 | grep name'
fi

cd "$top" && finish
