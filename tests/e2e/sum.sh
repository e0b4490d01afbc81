# tests/run.sh adds up what the suites report, and is not taken in by one that crashed.
. tests/shell.sh

# tests/shell.sh goes no further without a scratch folder: `cd ""` stays in the tree.
no_scratch() {
  ! TMPDIR=/nonexistent sh -c '. tests/shell.sh; exit 0' 2> /dev/null
}
check 'no scratch folder is a failure' no_scratch

# A tree of its own, whose "program" is a shell script.
mkdir -p "$scratch/tests/c" "$scratch/build/tests/c"
cp tests/run.sh "$scratch/tests/"
cd "$scratch" || exit 1

# suite NAME: a C test program that does what standard input says.
suite() {
  : > "tests/c/test_$1.c"
  { echo '#!/bin/sh'; cat; } > "build/tests/c/test_$1"
  chmod +x "build/tests/c/test_$1"
}

# sums LINE STATUS: what the last line of a run of the C suite is, and its status.
sums() {
  B=build sh tests/run.sh c > out
  status=$?
  [ "$(tail -n 1 out)" = "$1" ] && [ "$status" = "$2" ] || { cat out; return 1; }
}

printf '%s\n' 'printf "1..2\nok 1 - a\nok 2 - b\n"' | suite a
check 'TAP lines' sums '2 passed, 0 failed' 0
printf '%s\n' 'echo 3 passed, 0 failed, 1 skipped' | suite b
check 'a last line' sums '5 passed, 0 failed, 1 skipped' 0
printf '%s\n' 'printf "ok 1 - a\nnot ok 2 - b\nnot ok 3 # SKIP c\n"; exit 1' | suite c
check 'a failure and a skip' sums '6 passed, 1 failed, 2 skipped' 1
printf '%s\n' 'echo ok 1 - a; kill -SEGV $$' | suite c
check 'a crash after a passed test' sums '6 passed, 1 failed, 1 skipped' 1
printf '%s\n' 'echo 4 passed, 0 failed; exit 1' | suite c
check 'a status that the line denies' sums '9 passed, 1 failed, 1 skipped' 1
printf '%s\n' 'echo hello' | suite c
check 'a suite that runs nothing' sums '5 passed, 1 failed, 1 skipped' 1
rm build/tests/c/test_c
check 'a suite that is not there' sums '5 passed, 1 failed, 1 skipped' 1
rm tests/c/*
check 'no suite at all' sums '0 passed, 0 failed' 1

cd / && finish
