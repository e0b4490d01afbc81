#!/bin/sh
# Every check on the sources, one line each; what a failing one found stands above its line.
set -u
failed=0

check() {
  name=$1
  shift
  if "$@"; then echo "ok      $name"; else echo "FAILED  $name"; failed=1; fi
}

c_files() { git ls-files --cached --others --exclude-standard '*.c' '*.h'; }
lua_files() { git ls-files --cached --others --exclude-standard '*.lua'; }
format() { c_files | xargs clang-format --dry-run -Werror; }
luacheck_all() {
  found=$(lua_files | xargs luacheck --quiet --no-color --codes) || { echo "$found"; return 1; }
}

cppcheck_all() {
  cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
    -j2 -Iruntime -I. runtime bindings
}

check 'layers' lua5.4 tests/lint/layers.lua
check 'circles' lua5.4 tests/lint/circles.lua
check 'text' lua5.4 tests/lint/text.lua
check 'doc comments' lua5.4 tests/lint/docs.lua
check 'no writable globals' sh tests/lint/globals.sh
check 'clang-format' format
check 'cppcheck' cppcheck_all
check 'luacheck' luacheck_all
exit $failed
