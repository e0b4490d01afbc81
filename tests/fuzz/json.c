/* Fuzzes the JSON layer, the scanner and the printer around lua-cjson. */
#include "tests/fuzz/property.h"

FUZZ_PROPERTY("json")
