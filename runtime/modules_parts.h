/* What the ways to open a realm have in common: modules.c in a state of our own or of somebody else,
 * modules_guarded.c under a guard. Nobody else needs it. */
#ifndef MH_MODULES_PARTS_H
#define MH_MODULES_PARTS_H

#include <lua.h>
#include <stdbool.h>

#include "config.h"
#include "core/embedded.h"

/* Puts the C modules that are linked in into package.preload; or those alone that others made. */
void mh_modules_preload(lua_State *L, bool foreign_alone);

/* Adds one of package.searchers, behind package.preload and before the files: package.path cannot
 * replace a part of the program. */
void mh_modules_add_searcher(lua_State *L, lua_CFunction searcher);
/* What such a searcher returns for a module that is no part of the program. It says so of names of
 * moonherd only: what `require` says of others is what plain Lua says. */
int mh_modules_found_none(lua_State *L, const char *name);

/* Compiles an embedded module and pushes its chunk. Raises when it has an error. */
void mh_modules_push_chunk(lua_State *L, const struct mh_embedded *module);

/* The module moonherd._host: {options = …, version = …} */
void mh_modules_add_host(lua_State *L, const mh_config *config);

/* The table of moonherd's modules that are loaded; from the second call on one of their own, which
 * is not package.loaded. */
void mh_modules_push_loaded(lua_State *L);
void mh_modules_hide_loaded(lua_State *L);

/* moonherd.json and the like. What starts with _ is not for scripts, nor what has parts, nor they:
 * scripts reach moonherd.store and moonherd.platform by what `moonherd` makes of them. */
bool mh_modules_is_public(const char *name);

/* Makes a copy of the globals, with mh_modules_require, for moonherd's modules to have in their place:
 * whatever is done to the globals later does not reach them. Leaves it on the stack. */
void mh_modules_make_environment(lua_State *L);

/* `require` as moonherd's modules see it, where scripts cannot reach them or have globals of their
 * own. */
int mh_modules_require(lua_State *L);

/* Whether that is so here. */
bool mh_modules_are_hidden(lua_State *L);

/* Copies the fields of the table at the top to the one below it, which stays. */
void mh_modules_copy_fields(lua_State *L);

/* modules_guarded.c */
void mh_modules_open_guarded(lua_State *L, const mh_config *config);

#endif
