# For the shell tests: `. tests/shell.sh`, then check or skip, and finish as the last command.
# Runs from the top of the tree; B is the build directory, $scratch a folder that goes away.
set -u
B=${B:-build}
moonherd=$PWD/$B/moonherd
passed=0 failed=0 skipped=0
scratch=$(mktemp -d) || exit 1 # without one the tests would write into the tree, and remove from it
trap 'rm -rf "$scratch"' EXIT

# check NAME COMMAND…: passes when the command succeeds.
check() {
  check_name=$1
  shift
  if "$@"; then
    echo "ok   $check_name"
    passed=$((passed + 1))
  else
    echo "FAIL $check_name"
    failed=$((failed + 1))
  fi
}

skip() {
  echo "skip $1: $2"
  skipped=$((skipped + 1))
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" = 0 ]
}
