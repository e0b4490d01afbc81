#!/bin/sh
# No writable global data in the libraries: handles share nothing. Tables of constant pointers
# (.data.rel.ro) are relocated once when the program loads and then read-only. A shared library has
# a few words of the toolchain's own.
set -eu
B=${B:-build}
objdump -t "$B/libmoonherd.a" "$B/libmoonherd.so" "$B/moonherd.so" | awk '
  / file format / { file = $1 }
  / \.data\.rel\.ro/ || $3 == "d" { next }
  $NF ~ /^(completed\.[0-9]+|__dso_handle|__TMC_END__|_edata|_end|__bss_start)$/ { next }
  /[ \t](\.t?data|\.t?bss|\*COM\*)[^ \t]*[ \t]/ {
    print file " writable global data: " $NF
    found = 1
  }
  END { exit found }' >&2
