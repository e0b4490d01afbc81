#!/bin/sh
# Runs suites of tests and adds them up: tests/run.sh [SUITE]…
#
#   c            the programs of tests/c and tests/embed (cmocka)
#   lua          tests/spec, by tests/runner.lua inside the host
#   conformance  tests/conformance, over HTTP against an embedded platform
#   regress      tests/regress/*.lua, each a script that must end well
#   e2e          tests/e2e/*.sh, the program as its users meet it
#   long         tests/long/*.sh, only when asked for
#   clients      tests/e2e/clients, wrangler and the SDKs from npm, only when asked for
#
# A program is counted by its last line, "N passed, N failed" (", N skipped"), else by its TAP
# lines. One that crashed, hung or ran nothing counts as failed. What a failing one printed is
# shown; with a list of suites, everything is. The very last line is the sum.
set -u
B=${B:-build}
export B

show_all=$#
[ $# -gt 0 ] || set -- c lua conformance regress e2e
logs=$B/tests/logs
mkdir -p "$logs"
: > "$logs/sum"

# Tests run against the embedded platform, whatever the environment would choose.
unset CI $(env | sed -n 's/^\(\(CLOUDFLARE\|MOONHERD\)_[A-Z_]*\)=.*/\1/p')
# The request budget of whoever runs them is none of theirs.
mkdir -p "$B/tests/state"
XDG_STATE_HOME=$(cd "$B/tests/state" && pwd)
export XDG_STATE_HOME
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=1}"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-print_stacktrace=1}"

# count STATUS LOG: prints "passed failed skipped".
count() {
  awk -v status="$1" '
    /^ok /                    { passed++ }
    /^not ok [0-9]+ # SKIP/   { skipped++; next }
    /^not ok /                { failed++ }
    /^[0-9]+ passed, [0-9]+ failed/ { sum = $0 }
    NF                        { last = $0 }
    END {
      if (sum != "" && sum == last) {
        split(sum, n, /[^0-9]+/)
        passed = n[1]; failed = n[2]; skipped = n[3]
      }
      if (!failed && (status != 0 || !(passed + skipped))) failed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$2"
}

# run NAME SECONDS COMMAND…
run() {
  name=$1 seconds=$2 log=$logs/$(echo "$1" | tr / -).log
  shift 2
  timeout -k 5 "$seconds" "$@" > "$log" 2>&1 < /dev/null
  status=$?
  set -- $(count $status "$log")
  [ "$2" = 0 ] && [ "$show_all" = 0 ] || cat "$log"
  note=
  [ "$status" = 0 ] || [ "$2" != 1 ] || note="  (status $status)"
  [ "$status" != 124 ] || note="  (not done after $seconds s)"
  printf '%-28s %s passed, %s failed, %s skipped%s\n' "$name" "$1" "$2" "$3" "$note"
  echo "$1 $2 $3" >> "$logs/sum"
}

for suite; do
  case $suite in
    c)
      for source in tests/c/test_*.c tests/embed/test_*.c; do
        [ -f "$source" ] && run "${source#tests/}" 120 "$B/${source%.c}"
      done ;;
    lua) run lua 600 "$B/moonherd" run --target local tests/runner.lua ;;
    conformance)
      run conformance 300 "$B/moonherd" run --target local --log error tests/conformance/run.lua ;;
    regress)
      for script in tests/regress/*.lua; do
        [ -f "$script" ] && run "${script#tests/}" 60 sh -c \
          '"$B/moonherd" run --target local "$1" && echo "1 passed, 0 failed"' sh "$script"
      done ;;
    e2e | long)
      for script in tests/"$suite"/*.sh; do
        [ -f "$script" ] && run "${script#tests/}" 900 sh "$script"
      done ;;
    clients)
      for client in wrangler sdk; do
        run "e2e/clients/$client.sh" 900 sh "tests/e2e/clients/$client.sh"
      done ;;
    *) echo "tests/run.sh: no suite '$suite'" >&2; exit 2 ;;
  esac
done

awk '{ passed += $1; failed += $2; skipped += $3 }
  END {
    printf "%d passed, %d failed%s\n", passed, failed, skipped ? ", " skipped " skipped" : ""
    exit failed > 0 || passed == 0
  }' "$logs/sum"
