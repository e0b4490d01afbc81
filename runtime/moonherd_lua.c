/* What hosts that know Lua can reach: their modules and the state. See moonherd_lua.h;
 * moonherd_work.c has the functions that wait. */
#include "moonherd_lua.h"

#include "handle.h"

int moonherd_register(moonherd *m, const char *name, const luaL_Reg *functions) {
  if (m == NULL || name == NULL || functions == NULL) return MOONHERD_EINVAL;
  if (mh_handle_is_busy(m)) return MOONHERD_EBUSY;
  if (!mh_host_modules_has_room(&m->modules, name)) return MOONHERD_EINVAL;
  return mh_host_modules_add(&m->modules, name, functions, m->script, m->next);
}

lua_State *moonherd_state(moonherd *m) {
  if (m == NULL || mh_handle_is_busy(m)) return NULL;
  m->is_open = true;
  return m->script->L;
}

void *moonherd_user(lua_State *L) {
  return ((moonherd *)mh_realm_of(L)->host)->config.user;
}
