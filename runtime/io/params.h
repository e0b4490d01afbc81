/* Header values with parameters: Content-Type, Content-Disposition.
 *
 *   form-data; name="a \"b\".js"; filename*=UTF-8''a%20b.js
 *
 * Nothing is copied: what is found points into the value. Knows nothing of Lua. */
#ifndef MH_PARAMS_H
#define MH_PARAMS_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mh_slice {
  const char *data; /* NULL: not there */
  size_t len;
} mh_slice;

typedef struct mh_param {
  mh_slice name;
  mh_slice value; /* without its quotes, escapes as they were written */
} mh_param;

/* The word in front of the parameters; `rest` moves behind it. */
mh_slice mh_params_start(mh_slice *rest);

/* 1 and the next parameter, 0 at the end, MOONHERD_EPROTO when the value is malformed. */
int mh_params_next(mh_slice *rest, mh_param *param);

/* Undoes \" and \\; other backslashes stay, as browsers send them bare. With `in_form` %22, %0A and
 * %0D as well, the escapes of form-data names; other percent signs stay. Writes at most value.len
 * bytes and returns their number. */
size_t mh_params_unescape(mh_slice value, bool in_form, char *out);

/* Decodes an extended value (RFC 8187), UTF-8''a%20b, to UTF-8. Writes at most 2 * value.len bytes.
 * MOONHERD_EPROTO when it is malformed or in a charset other than UTF-8 and ISO-8859-1. */
int mh_params_decode(mh_slice value, char *out, size_t *len);

bool mh_slice_is(mh_slice s, const char *word); /* ASCII letters in any case */
bool mh_slice_is_utf8(mh_slice s);
mh_slice mh_slice_trim(mh_slice s); /* without spaces and tabs around it */

#endif
