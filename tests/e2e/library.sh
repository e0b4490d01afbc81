# What `make install` gives to those who compile a host: headers for C and C++, libraries that export
# moonherd's functions and nothing else, a moonherd.pc that says how to link them.
. tests/shell.sh

root=$scratch/root
prefix=/opt/moonherd
lib=$root$prefix/lib
CC=${CC:-gcc}
# A library under a sanitizer needs hosts under it too.
sanitize=$(grep -o -e '-fsanitize[^ ]*' "$B/flags")
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR=

quiet() { "$@" > "$scratch/said" 2>&1 || { cat "$scratch/said"; return 1; }; }
check 'make install, into a DESTDIR' quiet make -s install B="$B" PREFIX=$prefix DESTDIR="$root"

# ---- what is exported -----------------------------------------------------------------------------
headers=$(ls "$root$prefix"/include/moonherd*.h)
functions='s/^[a-z].*[ *]\(moonherd_[a-z_]*\)(.*/\1/p'
exports_what_the_headers_declare() {
  sed -n "$functions" $headers | sort -u > "$scratch/declared"
  nm -D --defined-only "$lib/libmoonherd.so" | awk '{ print $3 }' | sort -u > "$scratch/exported"
  diff "$scratch/declared" "$scratch/exported"
}
check 'the shared library exports what the headers declare, no more and no less' \
  exports_what_the_headers_declare

dynamic() { readelf -d "$1" | sed -n "s/.*($2).*\[\(.*\)\]/\1/p"; }
needs() { dynamic "$1" NEEDED | grep -qxF "$2"; }
check 'its soname has a version' [ "$(dynamic "$lib/libmoonherd.so" SONAME)" = libmoonherd.so.0 ]
version=$(pkg-config --modversion moonherd)
check 'its file has the whole version' [ -f "$lib/libmoonherd.so.$version" ]
check 'the program tells the same one' \
  [ "$("$root$prefix/bin/moonherd" version | grep -cF "$version")" = 1 ]
check 'it links the Lua of the system' needs "$lib/libmoonherd.so" liblua5.4.so.0
check 'it links the cjson of the system' needs "$lib/libmoonherd.so" liblua5.4-cjson.so.0

# ---- the headers ----------------------------------------------------------------------------------
for header in $headers; do
  echo "#include <${header##*/}>"
done > "$scratch/headers.c"
cflags="$(pkg-config --cflags-only-I moonherd | sed 's/-I *\/usr/-isystem \/usr/g') \
  -I$root$prefix/include -Wall -Wextra -Wpedantic -Werror -fsyntax-only"
for standard in c99 c11 c17; do
  check "the headers, as $standard" quiet "$CC" -std=$standard $cflags "$scratch/headers.c"
done
for compiler in g++ clang++; do
  if ! command -v $compiler > /dev/null; then
    skip "the headers, for $compiler" 'it is not installed'
    continue
  fi
  # Compilers of C++98 have long long, which that standard does not know.
  for standard in c++98 c++11 c++14 c++17 c++20; do
    check "the headers, for $compiler, as $standard" \
      quiet $compiler -x c++ -std=$standard $cflags -Wno-long-long "$scratch/headers.c"
  done
done

# ---- hosts ----------------------------------------------------------------------------------------
moved() { pkg-config --define-prefix "$@" moonherd; }
cat > "$scratch/script.lua" << 'LUA'
local moonherd = require "moonherd"
local ns = moonherd.connect { target = "local", state = arg[1] }:ensure_namespace "production"
print(ns:details().namespace_name, pcall(require, "lfs"))
LUA
# host NAME SOURCE FLAGS…
host() {
  name=$1 source=$2
  shift 2
  quiet "$CC" -Wall -Wextra -Werror $sanitize "tests/embed/hosts/$source.c" -o "$scratch/$name" "$@"
}
deploys() {
  LD_LIBRARY_PATH=$lib "$@" "$scratch/script.lua" "$scratch/state" > "$scratch/printed" || return 1
  grep -q '^production	true	table' "$scratch/printed" || { cat "$scratch/printed"; return 1; }
}
check 'a host is compiled with the shared library' host shared script $(moved --cflags --libs)
check '    and runs, and loads modules written in C' deploys "$scratch/shared"
check '    and needs that library' needs "$scratch/shared" libmoonherd.so.0
# As where no shared one is installed.
mkdir "$scratch/alone" && cp "$lib/libmoonherd.a" "$scratch/alone"
alone() { pkg-config "--define-variable=libdir=$scratch/alone" --libs --static moonherd; }
check 'a host is compiled with the static library' host static script $(moved --cflags) $(alone)
check '    and runs, and loads modules written in C' deploys "$scratch/static"
check '    and does not need the shared one' eval '! needs "$scratch/static" libmoonherd.so.0'
for compiler in g++ clang++; do
  command -v $compiler > /dev/null || continue
  [ -z "$sanitize" ] || [ $compiler = g++ ] || continue # each has its own sanitizers
  check "a host in C++ is compiled by $compiler" quiet $compiler -std=c++11 -Wall -Wextra -Werror \
    $sanitize tests/embed/hosts/script.cpp -o "$scratch/plus" $(moved --cflags --libs)
  check '    and runs' deploys "$scratch/plus"
done
check 'the program loads modules written in C' \
  quiet "$moonherd" -e 'assert(require "lfs".currentdir())'

check 'the Lua module is where a lua5.4 of the same prefix looks' [ -f "$lib/lua/5.4/moonherd.so" ]

if [ -n "$sanitize" ]; then
  skip 'a host with another Lua' 'sanitizers do not work with RTLD_DEEPBIND'
else
  check 'a host with a Lua of its own is compiled' host other other_lua $(moved --cflags) -rdynamic -ldl
  check '    and moonherd does not call it' quiet "$scratch/other" "$lib/libmoonherd.so.0"
fi

# ---- and away -------------------------------------------------------------------------------------
check 'make uninstall' quiet make -s uninstall B="$B" PREFIX=$prefix DESTDIR="$root"
check '    leaves nothing' [ -z "$(find "$root" ! -type d)" ]
finish
