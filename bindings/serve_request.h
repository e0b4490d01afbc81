/* The requests that the servers of moonherd._serve hand out. */
#ifndef BINDINGS_SERVE_REQUEST_H
#define BINDINGS_SERVE_REQUEST_H

#include <lauxlib.h>
#include <lua.h>

#include "io/serve.h"

/* Pushes one that is closed. */
void mh_serve_push_request(lua_State *L);
/* Opens the one at an index, which must be closed; it drops `r` in the end. NULL: it stays closed. */
void mh_serve_set_request(lua_State *L, int index, mh_request *r);

/* Makes a class: its metatable with what `events` says, and in the module at the top an empty table of
 * methods under `class`, which `index` looks things up in. */
void mh_serve_open_class(lua_State *L, const char *name, const luaL_Reg *events,
                         lua_CFunction index, const char *class);

/* Makes that of requests, and puts their methods into the module at the top as `request`. */
void mh_serve_open_requests(lua_State *L);

#endif
