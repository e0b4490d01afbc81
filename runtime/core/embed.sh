#!/bin/sh
# Writes the C table of the Lua modules that are part of the program: embed.sh DIR FILE…
# Every .lua below DIR is a module named after its path (init.lua stands for its folder); each FILE
# is one named after itself. The bytes are left to the assembler. Sorted, for a binary search.
set -eu
dir=$1
shift

{
  if [ -d "$dir" ]; then
    find "$dir" -name '*.lua' | awk -v skip=$((${#dir} + 2)) '{
      name = substr($0, skip); sub(/\.lua$/, "", name); sub(/\/init$/, "", name)
      gsub(/\//, ".", name); print name, $0 }'
  fi
  for file in "$@"; do
    [ -f "$file" ] || { echo "embed.sh: no file $file" >&2; exit 1; }
    echo "$(basename "$file" .lua) $file"
  done
} | LC_ALL=C sort | awk '
  BEGIN {
    print "/* Made by runtime/core/embed.sh. */"
    print "#include \"core/embedded.h\"\n"
  }
  {
    at = "mh_lua_" NR
    printf "__asm__(\".section .rodata\\n\"\n"
    printf "        \".globl %s, %s_end\\n.hidden %s, %s_end\\n\"\n", at, at, at, at
    printf "        \"%s:\\n.incbin \\\"%s\\\"\\n%s_end:\\n.byte 0\\n.previous\\n\");\n", at, $2, at
    printf "extern const char %s[], %s_end[];\n\n", at, at
    rows = rows sprintf("  {\"%s\", %s, %s_end},\n", $1, at, at)
  }
  END {
    printf "const struct mh_embedded mh_embedded_modules[] = {\n%s  {0, 0, 0}\n};\n", rows
    printf "const size_t mh_embedded_count = %d;\n", NR
  }'
