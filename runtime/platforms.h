/* Runs the embedded platforms of a handle: one realm for each state directory in use. */
#ifndef MH_PLATFORMS_H
#define MH_PLATFORMS_H

#include "config.h"
#include "core/platform.h"

typedef struct mh_platforms {
  mh_host *host;
  const mh_config *config;
  mh_platform *first;
  void (*on_error)(mh_realm *realm, lua_State *L);
} mh_platforms;

/* The platform on `state_dir`; starts it when it does not run yet. Never NULL but without memory. */
mh_platform *mh_platforms_get(mh_platforms *platforms, const char *state_dir);

/* Whether one of them listens on the socket at `path`. */
bool mh_platforms_own(const mh_platforms *platforms, const char *path);

/* Ends the one on `state_dir` and forgets it: the next call of mh_platforms_get makes a new one. False
 * while it has yet to end: ask again. Not from inside its realm. */
bool mh_platforms_close(mh_platforms *platforms, const char *state_dir);

/* Asks all to end; true when none has a task left. Step the loop until then. */
void mh_platforms_cancel(mh_platforms *platforms);
bool mh_platforms_have_ended(const mh_platforms *platforms);
void mh_platforms_free(mh_platforms *platforms);

#endif
