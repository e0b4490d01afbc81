/* The Lua sources that are part of the program: everything under lua/, and argparse. The table is
 * made by the build (embed.sh); nothing here knows what the bytes mean. */
#ifndef MH_EMBEDDED_H
#define MH_EMBEDDED_H

#include <stddef.h>

struct mh_embedded {
  const char *name; /* of the module: "moonherd.http" */
  const char *bytes;
  const char *end; /* one past the last byte */
};

/* Sorted by name. */
extern const struct mh_embedded mh_embedded_modules[];
extern const size_t mh_embedded_count;

/* NULL when there is no such module. */
const struct mh_embedded *mh_embedded_find(const char *name);

#endif
