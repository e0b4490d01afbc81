/* An embedded platform: a realm of its own that serves the API on a private unix socket. What the
 * binding needs to see of it; runtime/platforms.c runs it. */
#ifndef MH_PLATFORM_H
#define MH_PLATFORM_H

#include "core/host.h"
#include "core/realm.h"
#include "core/task.h"

typedef enum mh_platform_state {
  MH_PLATFORM_STARTING,
  MH_PLATFORM_SERVING,
  MH_PLATFORM_FAILED
} mh_platform_state;

typedef struct mh_platform mh_platform;
struct mh_platform {
  mh_platform *next;
  mh_realm *realm;
  char *state_dir;
  char *socket;   /* path of the unix socket */
  char token[65]; /* the credential of this process, 64 hex digits */
  char *why;      /* FAILED: one line */
  char *reason;   /* FAILED: of the error that ended it; NULL when it has none */
  char *hint;     /* likewise */
  mh_platform_state state;
  bool is_closing;
  mh_waitlist waiters; /* tasks that wait until it serves */
  mh_task *main;       /* what serves; NULL when it has ended */
  mh_task_end main_end;
};

#endif
