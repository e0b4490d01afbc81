/* What on_error gets: the parts of an error object, as plain C, with secrets hidden. */
#ifndef MH_REPORT_H
#define MH_REPORT_H

#include <lua.h>

#include "core/log.h"
#include "moonherd.h"

/* Reads the error object (or, without memory, the text) at the top of L and calls `on_error`.
 * Raises nothing. */
void mh_report(lua_State *L, const mh_log *log, void *user,
               void (*on_error)(void *user, const moonherd_error *error));

#endif
