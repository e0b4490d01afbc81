/* Fuzzes request targets: paths to routes and names, queries to parameters. */
#include "tests/fuzz/property.h"

FUZZ_PROPERTY("target")
