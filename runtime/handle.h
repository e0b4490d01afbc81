/* What a handle is made of: for the files that are behind moonherd.h and moonherd_lua.h, and for
 * tests that link the library. */
#ifndef MH_HANDLE_H
#define MH_HANDLE_H

#include <stdbool.h>

#include "config.h"
#include "core/events.h"
#include "core/host.h"
#include "core/realm.h"
#include "core/task.h"
#include "host_modules.h"
#include "moonherd.h"
#include "platforms.h"

typedef enum mh_phase { MH_EMPTY, MH_LOADED, MH_RUNNING, MH_ENDED } mh_phase;

typedef struct mh_gate mh_gate; /* to the host's threads: moonherd_work.c */

struct moonherd {
  mh_host host; /* first: the functions of mh_host cast back */
  moonherd_config config;
  mh_config options;
  mh_realm *script;
  int chunk;      /* registry reference of what is loaded in `script`; LUA_NOREF: nothing is */
  mh_realm *next; /* what moonherd_reload puts in its place; NULL: nothing has been loaded for it */
  int next_chunk;
  mh_host_modules modules;
  mh_gate *gate; /* NULL until a function waits for the host */
  mh_events events;
  mh_platforms platforms;
  char *scratch; /* NULL until somebody asks for it */
  mh_task_end root_end;
  mh_task *root; /* while RUNNING and until its results are read */
  size_t
      collect_at; /* bytes of the script's state in use when the next cycle of collection begins */
  bool is_collecting;
  int exit_code;
  mh_phase phase;
  bool has_ended; /* the root task has; its results are not read yet */
  bool was_cancelled;
  bool is_open; /* the host has the Lua state: it may wake what tasks wait for */
  unsigned in_callback;
};

mh_realm *mh_handle_script(moonherd *m); /* the realm of the script */

/* A handle that has no script's realm yet: it must get one. */
moonherd *mh_handle_new(const moonherd_config *config, const char **why);

/* Frees it, with its realms and whatever still runs in them. */
void mh_handle_free(moonherd *m);
unsigned mh_handle_max_tasks(const moonherd *m);
void mh_handle_set_limits(moonherd *m); /* of transfers, as the config says */

/* A realm for a script, with all its modules; NULL without memory. */
mh_realm *mh_handle_new_realm(moonherd *m);

/* Whether a call that runs Lua, or frees what it runs in, must be refused. */
bool mh_handle_is_busy(const moonherd *m);

/* Hands the error object at the top of L to on_error. Raises nothing. */
void mh_handle_report(moonherd *m, lua_State *L);

#endif
