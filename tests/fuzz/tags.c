/* Fuzzes the filter of scripts by tag. */
#include "tests/fuzz/property.h"

FUZZ_PROPERTY("tags")
