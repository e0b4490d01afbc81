# The script of tests/c/test_faults.c, disturbed at every moment instead of a sample of them.
set -u
exec "${B:-build}/tests/c/test_faults" full
