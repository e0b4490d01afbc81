/* What surrounds lua-cjson on its way out: takes the marks (json_scan.h) out of a text that cjson has
 * written, and lays a text out for people. Both trust the text. Knows nothing of Lua. */
#ifndef MH_JSON_PRINT_H
#define MH_JSON_PRINT_H

#include <stddef.h>

#include "core/buf.h"

/* Writes `text` to `out`, which has room for n bytes: marked numbers, empty lists and objects as what
 * they stand for, and / without the backslash that cjson puts before it. Returns the length. */
size_t mh_json_unmark(const char *text, size_t n, char *out);

/* Appends `text`, which has no white space between its tokens, with a line for each member and two
 * spaces for each level. Returns 0 or MOONHERD_ENOMEM. */
int mh_json_indent(const char *text, size_t n, mh_buf *out);

#endif
