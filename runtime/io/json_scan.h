/* What surrounds lua-cjson on its way in: checks a text as strictly as RFC 8259 has it, and marks
 * what cjson would lose, so that it can be restored from the decoded value. Knows nothing of Lua.
 *
 * A mark is a string whose first byte is MH_JSON_MARK. That byte occurs in no valid UTF-8, and every
 * text and string is checked for that, so no user's string can be taken for a mark:
 *
 *   "\xFF[]"     an empty list                   (cjson: an empty table, as {} is)
 *   "\xFF1.5"    the number 1.5                  (cjson: 14 digits, and the locale's point)
 *   ["\xFF{", "a", 1, "b", 2]   the object {"a": 1, "b": 2}; only on the way out (json_print.h), for
 *                               cjson writes the members of a table in no particular order
 *
 * Integers of up to MH_JSON_PLAIN_DIGITS digits are left as they are: cjson keeps their value. */
#ifndef MH_JSON_SCAN_H
#define MH_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"

enum {
  MH_JSON_MARK = 0xFF,
  MH_JSON_DEPTH = 128,       /* lists and objects inside each other */
  MH_JSON_PLAIN_DIGITS = 14, /* cjson writes no more than these */
  MH_JSON_LARGEST = 1 << 29  /* bytes of a text: beyond, cjson's int sizes overflow */
};

typedef struct mh_json_scan {
  bool has_marks, has_numbers, has_lists, has_nulls; /* what there is to restore */
  /* Where and why the text was refused. */
  const char *why;     /* static text */
  size_t line, column; /* from 1; columns count characters */
} mh_json_scan;

/* Checks `text`, which has a zero byte after its n bytes. `marked` (initialised, empty) receives the
 * text with its marks if it needs any, else it stays empty and the text itself is what to decode.
 * Returns 0, MOONHERD_EPROTO when the text is refused, MOONHERD_ENOMEM. */
int mh_json_scan_text(const char *text, size_t n, mh_buf *marked, mh_json_scan *scan);

/* How many bytes at the start of `s` are valid UTF-8: n when all are. A zero byte follows them. */
size_t mh_json_utf8(const char *s, size_t n);

#endif
