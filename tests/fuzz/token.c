/* Fuzzes the tokens of asset uploads. */
#include "tests/fuzz/property.h"

FUZZ_PROPERTY("token")
