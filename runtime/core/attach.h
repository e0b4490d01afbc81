/* Realms in a Lua state that belongs to somebody else: a program that keeps its Lua and has asked for
 * moonherd. Nothing of that state is changed but its registry. The functions of `coroutine` are
 * exchanged while a step runs, when nothing but tasks does.
 *
 * The realm ends with the state. Finalizers run in the opposite order of their making: one that is
 * made before every resume of a task runs before those of what the tasks use, and ends them. */
#ifndef MH_ATTACH_H
#define MH_ATTACH_H

#include <lua.h>

#include "core/realm.h"

/* Makes a realm in the state of L, which must have none. Raises errors of memory. */
mh_realm *mh_realm_attach(lua_State *L, mh_host *host, unsigned max_tasks);

/* Forgets the realm, whose tasks have been abandoned. */
void mh_realm_detach(mh_realm *realm);

/* Before and after a step. */
void mh_attached_swap_coroutine(mh_realm *realm);

#endif
