/* The error of a task that nothing can wake. See deadlock.h. */
#include "core/deadlock.h"

#include <stdio.h>

#include "core/error.h"
#include "core/task_state.h"
#include "core/where.h"

enum { MOST_SHOWN = 5 }; /* tasks that an error names */

/* Appends to a text that may be cut; `*n` is how long it is. */
static void append(char *text, size_t size, size_t *n, const char *what, const mh_task *task,
                   lua_State *L) {
  char place[MH_WHERE_SIZE];
  mh_where(L, place, sizeof place);
  int more = snprintf(text + *n, size - *n, "%stask %u%s for %s%s%s", *n > 0 ? ", " : "", task->id,
                      *n > 0 ? "" : " waits", what, place[0] != '\0' ? " at " : "", place);
  if (more > 0) *n = *n + (size_t)more < size ? *n + (size_t)more : size - 1;
}

void mh_deadlock_push(lua_State *L, const char *waited_for) {
  const mh_realm *realm = mh_realm_of(L);
  char text[1024];
  size_t n = 0;
  unsigned shown = 1;
  append(text, sizeof text, &n, waited_for, realm->current, L);
  for (const mh_task *task = realm->tasks; task != NULL && shown < MOST_SHOWN; task = task->next) {
    if (task == realm->current) continue;
    append(text, sizeof text, &n, task->list != NULL ? task->park.what : "its tasks", task,
           task->L);
    shown++;
  }
  char others[32] = "";
  if (realm->task_count > shown)
    snprintf(others, sizeof others, " and %u more", realm->task_count - shown);
  mh_error_push(L, "usage", "deadlock", "deadlock: %s%s; nothing is left that could wake %s", text,
                others, realm->task_count == 1 ? "it" : "them");
  lua_pushliteral(L,
                  "close a channel when nothing more is sent, free a limit before its task asks "
                  "for it again; moonherd.timeout around a wait ends it, too");
  lua_setfield(L, -2, "hint");
}
