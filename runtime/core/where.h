/* Where Lua code is, for people. Lua itself keeps only the last 60 bytes of a file's name. */
#ifndef MH_WHERE_H
#define MH_WHERE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

enum { MH_WHERE_SIZE = LUA_IDSIZE + 12 };

/* "file:line" of the innermost line of the script, "" when there is none: modules that are part of the
 * program do not count. A long name is cut at its beginning, between two characters. Never raises. */
bool mh_where(lua_State *L, char *place, size_t size);

/* The traceback at the top, of `thread`: names of files that Lua has cut become whole. May raise for
 * memory. */
void mh_where_expand(lua_State *L, lua_State *thread);

/* Likewise, the message at the top, about a file that Lua could not compile. */
void mh_where_expand_name(lua_State *L, const char *file);

#endif
