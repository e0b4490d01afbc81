/* The guard as functions of C that scripts call meet it: errors of kind "usage", reason "guarded",
 * whose hint names the member of the guard in the way. */
#ifndef MH_GUARDED_H
#define MH_GUARDED_H

#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>

#include "core/guard.h"

/* The guard of the script that runs in L; NULL: none, or L is of the embedded platform. */
const mh_guard *mh_guard_of(lua_State *L);

/* Refuses when `hint` is not NULL. `who`: the public function; `what`: what it wanted to do, as in
 * "sh: the guard refuses to start 'git'". */
void mh_guarded(lua_State *L, const char *who, const char *what, const char *hint);

/* The same as a result: pushes nil and the error, returns 2. */
int mh_guarded_fail(lua_State *L, const char *who, const char *what, const char *hint);

/* Raises when no process may be started. Call it first, before anything is made. */
void mh_guard_check_process(lua_State *L, const char *who, const char *program);

/* Raises when nothing may listen, or not on this unix socket; NULL: it is none. */
void mh_guard_check_listen(lua_State *L, const char *who, const char *unix_path);

/* Raises when the path of a file leads out of the guard's folders: for those who hand the path to a
 * library. `what`: "read", "write" and so on. See core/place.h for the better way. */
void mh_guard_check_file(lua_State *L, const char *who, const char *what, const char *path,
                         bool is_write);

/* Functions of the library of that name, or of the table at the top, are replaced; each gets the plain
 * one as its first upvalue, which no script can get at with `debug` narrowed. */
void mh_guard_replace(lua_State *L, const char *library, const luaL_Reg *list);
void mh_guard_replace_all(lua_State *L, const luaL_Reg *list);

/* For the functions in such a list: calls the plain one with all arguments, returns all results. */
int mh_guard_call_plain(lua_State *L);

#endif
