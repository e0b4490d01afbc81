# The hosts of examples/embed are compiled with public headers alone, run, and print what they should.
. tests/shell.sh

CC=${CC:-gcc}
sanitize=$(grep -o -e '-fsanitize[^ ]*' "$B/flags")
libraries="lua5.4-cjson lua5.4 libuv libcurl libmicrohttpd sqlite3 libcrypto"

# A folder with the public headers and no others.
mkdir "$scratch/include"
cp runtime/moonherd.h runtime/moonherd_lua.h "$scratch/include"
cp examples/embed/*.lua "$scratch"

compiles() {
  "$CC" -std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror $sanitize -I"$scratch/include" \
    $(pkg-config --cflags lua5.4) "examples/embed/$1.c" -o "$scratch/$1" "$B/libmoonherd.a" \
    -Wl,-E $(pkg-config --libs $libraries) -lm -lpthread
}

# prints NAME < LINES: the host and its script print these lines.
prints() {
  cat > "$scratch/wanted"
  (cd "$scratch" && "./$1" "$1.lua" < "${2:-/dev/null}") > "$scratch/printed" 2>&1
  code=$?
  diff "$scratch/wanted" "$scratch/printed" && [ $code = 0 ]
}

for name in frame poll host_functions two reload; do
  check "$name.c compiles" compiles $name
done

check 'frame: the game goes on while twenty scripts are deployed' prints frame << 'END'
20 levels are live
20 deployed, the game went on: yes
END

printf '%s\n' '[1, 2, 3]' 'no JSON' '[]' '["x"]' '[40]' > "$scratch/lines"
check 'poll: lines of a program with its own loop reach the script' \
  prints poll "$scratch/lines" << 'END'
not JSON: no JSON
sum: 6
sum: 0
error: poll.lua:12: attempt to add a 'number' with a 'string'
sum: 40
total: 46
END

check 'host_functions: a function of the host waits for a thread' prints host_functions << END
Prime Machine 2
25	17984
nil	timed out after 0.01 s while waiting for primes
nil	bad argument #1 to 'host.primes' (below zero)
END

check 'two: handles share nothing but what the host carries' prints two << 'END'
Ann: I play it back, 3 to go
Bob: I play it back, 2 to go
Ann: I play it back, 1 to go
Bob: I keep it
END

check 'reload: a new script takes over, one with a mistake does not' prints reload << 'END'
score	1
score	2
error: edited:1: syntax error near 'is'
the old script goes on
score	3
the new script runs
score	13
score	23
END
finish
