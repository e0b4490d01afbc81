/* Error objects: tables with kind, reason, message and more, and a __tostring that gives one line.
 * The fields are listed in lua/moonherd/error.lua. */
#ifndef MH_ERROR_H
#define MH_ERROR_H

#include <lua.h>
#include <stdbool.h>

/* Pushes an error object with kind, reason and message. */
void mh_error_push(lua_State *L, const char *kind, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Raises one; never returns. */
int mh_error_raise(lua_State *L, const char *kind, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));

/* For bindings: pushes nil and an error object, returns 2. Raising is Lua's decision. */
int mh_error_fail(lua_State *L, const char *kind, const char *reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Raises kind "usage", reason "usage". The message starts with the public name of the function:
 * "moonherd.sleep: …". */
int mh_error_usage(lua_State *L, const char *format, ...)
    __attribute__((format(printf, 2, 3), noreturn));

bool mh_error_is(lua_State *L, int index);
/* Whether it is an error object of this kind. */
bool mh_error_has_kind(lua_State *L, int index, const char *kind);

/* Whether it is an error object that tells where it was raised. */
bool mh_error_has_trace(lua_State *L, int index);

/* Replaces the value at the top by an error object: a string or any other value that a script
 * raised becomes kind "script". Adds `trace` (the traceback of `thread`) when it has none. */
void mh_error_wrap(lua_State *L, lua_State *thread);
/* The same with the trace that is above the value. */
void mh_error_wrap_traced(lua_State *L);

/* Pushes the text of the value at the top, which may be anything, and returns it. Never raises: for
 * code outside of protected calls. */
const char *mh_error_text(lua_State *L);

/* Sets the metatable of the table at the top; makes it an error object. */
void mh_error_set(lua_State *L);

void mh_error_open(lua_State *L); /* registers the metatable */

#endif
