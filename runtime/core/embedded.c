/* Finds an embedded Lua module by name. */
#include "core/embedded.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *name, const void *module) {
  return strcmp(name, ((const struct mh_embedded *)module)->name);
}

const struct mh_embedded *mh_embedded_find(const char *name) {
  return bsearch(name, mh_embedded_modules, mh_embedded_count, sizeof(mh_embedded_modules[0]),
                 by_name);
}
