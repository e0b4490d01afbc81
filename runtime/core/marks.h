/* Marks of threads. They are in the thread's extra space, unless that belongs to somebody else: then
 * they are in the registry. */
#ifndef MH_MARKS_H
#define MH_MARKS_H

#include <lua.h>
#include <stdbool.h>

#include "core/realm.h"

enum {
  MH_THREAD_HELD = 1,       /* scripts must not resume it: a task's, or it waits for the loop */
  MH_THREAD_HOLDS_SCOPE = 2 /* a coroutine that has opened a scope */
};
unsigned mh_attached_marks(lua_State *thread);
void mh_attached_mark(lua_State *L, lua_State *thread, unsigned marks); /* the new marks */
void mh_attached_open(lua_State *L);                                    /* no thread has any */

static inline unsigned mh_thread_marks(const mh_realm *realm, lua_State *thread) {
  return realm->is_attached ? mh_attached_marks(thread) : *(unsigned *)lua_getextraspace(thread);
}
static inline bool mh_thread_is(const mh_realm *realm, lua_State *thread, unsigned mark) {
  return (mh_thread_marks(realm, thread) & mark) != 0;
}
/* L runs; `thread` is any of the same state. */
static inline void mh_thread_mark(lua_State *L, lua_State *thread, unsigned mark, bool is_set) {
  const mh_realm *realm = mh_realm_of(L);
  unsigned marks = (mh_thread_marks(realm, thread) & ~mark) | (is_set ? mark : 0);
  if (realm->is_attached) mh_attached_mark(L, thread, marks);
  else *(unsigned *)lua_getextraspace(thread) = marks;
}

#endif
