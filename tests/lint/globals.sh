#!/bin/sh
# No writable global data in the library: handles share nothing. Tables of constant pointers
# (.data.rel.ro) are relocated once when the program loads and then read-only.
set -eu
objdump -t "${B:-build}/libmoonherd.a" | awk '
  / file format / { file = $1 }
  / \.data\.rel\.ro/ || $3 == "d" { next }
  /[ \t](\.t?data|\.t?bss|\*COM\*)[^ \t]*[ \t]/ {
    print file " writable global data: " $NF
    found = 1
  }
  END { exit found }' >&2
