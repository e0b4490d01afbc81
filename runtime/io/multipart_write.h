/* multipart/form-data: a byte-exact writer. It writes what stands around the contents and never
 * touches the contents themselves. Knows nothing of Lua. */
#ifndef MH_MULTIPART_WRITE_H
#define MH_MULTIPART_WRITE_H

#include <stdbool.h>

#include "core/buf.h"
#include "io/params.h"

typedef struct mh_multipart_field {
  mh_slice name;
  mh_slice filename;     /* optional */
  mh_slice content_type; /* optional */
} mh_multipart_field;

/* Fills `out` with n random bytes; 0 on success. */
typedef int mh_multipart_random(void *user, void *out, size_t n);

/* A new boundary, zero-terminated, from 128 random bits. The contents need not be searched for it:
 * they were fixed before it was drawn, so a body of n bytes holds it with a chance below n / 2^128.
 * For 100 MB that is 2^-101, less than the chance of a memory error while searching. Returns what
 * `random` returned. */
enum { MH_MULTIPART_NEW_BOUNDARY = sizeof "moonherd-" + 32 };
int mh_multipart_boundary(char out[MH_MULTIPART_NEW_BOUNDARY], mh_multipart_random *random,
                          void *user);
bool mh_multipart_is_boundary(mh_slice boundary);

/* These append a head in front of each part's content, and the end behind the last one. Names are
 * escaped as browsers and curl do: %22 %0D %0A, UTF-8 as it is. MOONHERD_EINVAL for other control
 * characters, an empty name, or a content type that would break the header; then nothing was
 * appended. */
int mh_multipart_write_head(mh_buf *to, mh_slice boundary, const mh_multipart_field *field,
                            bool is_first);
int mh_multipart_write_end(mh_buf *to, mh_slice boundary, bool is_empty);
/* The value of the message's Content-Type header. */
int mh_multipart_write_type(mh_buf *to, mh_slice boundary);

#endif
