/* Reads an options table through a list of descriptors. Unknown keys and wrong types raise a usage
 * error that names the option and the nearest valid one. */
#ifndef MH_OPTIONS_H
#define MH_OPTIONS_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum mh_option_type {
  MH_OPTION_BOOLEAN,  /* bool */
  MH_OPTION_INTEGER,  /* lua_Integer, not below `least` */
  MH_OPTION_DURATION, /* double seconds: a number >= 0 or text: core/duration.h */
  MH_OPTION_STRING,   /* mh_text; lives as long as the table does */
  MH_OPTION_VALUE     /* bool, whether it is there: the caller fetches it with lua_getfield */
} mh_option_type;

typedef struct mh_text {
  const char *bytes; /* NULL: not given */
  size_t n;
} mh_text;

typedef struct mh_option {
  const char *name;
  mh_option_type type;
  size_t offset; /* into the struct that mh_options_read fills; absent options leave it alone */
  lua_Integer least;
} mh_option;

/* `index`: a table, nil or nothing. `options` ends with a NULL name. `who` is the public name of
 * the function, for messages. */
void mh_options_read(lua_State *L, int index, const char *who, const mh_option *options,
                     void *into);

/* Reads a duration at `index`, as text or a number; raises a usage error naming `what`. */
double mh_duration_check(lua_State *L, int index, const char *who, const char *what);

/* The name in `names` (NULL-terminated) that `name` is the beginning of, else the nearest one, or NULL
 * when none is near. */
const char *mh_nearest(const char *name, const char *const *names);

#endif
