/* The options of a handle: the JSON object in moonherd_config.options, checked and taken apart. */
#ifndef MH_CONFIG_H
#define MH_CONFIG_H

#include <lua.h>
#include <stdbool.h>

#include "core/clock.h"

typedef struct mh_config {
  char *target, *state, *account; /* NULL: not given */
  bool allows_insecure_base_url;
  bool is_read_only, is_dry_run; /* of the flags: mh_config_read leaves them false */
  int log_level;
  double progress; /* seconds between two lines of one progress; 0: not given */
  mh_clock clock;
} mh_config;

/* Fills `config` from a JSON text (NULL: all defaults). Returns NULL, or what is wrong as a static
 * line. Call mh_config_fini in either case. */
const char *mh_config_read(mh_config *config, const char *json);
void mh_config_fini(mh_config *config);

/* Pushes the options as scripts see them: the table moonherd._host.options. */
void mh_config_push(lua_State *L, const mh_config *config);

#endif
