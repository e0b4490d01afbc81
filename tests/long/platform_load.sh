# The test of tests/e2e, for ten minutes.
SECONDS_OF_LOAD=600 . tests/e2e/platform_load.sh
