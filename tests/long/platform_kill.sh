# The test of tests/e2e, with a hundred kills.
KILLS=100 . tests/e2e/platform_kill.sh
