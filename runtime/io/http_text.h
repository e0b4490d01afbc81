/* What a transfer is to send, and the headers of what it got. Part of http.h. */
#ifndef MH_HTTP_TEXT_H
#define MH_HTTP_TEXT_H

#include "io/http_transfer.h"

/* Describing the request: 0, MOONHERD_ENOMEM, or MOONHERD_EINVAL for bytes that cannot stand there.
 * All texts come before the first header; everything is copied. Method and URL must be given.
 * Content-Length, Transfer-Encoding and Expect are not for the caller to set: MOONHERD_EINVAL. */
int mh_transfer_set_text(mh_transfer *t, mh_text_place place, const char *text, size_t n);
int mh_transfer_add_header(mh_transfer *t, const char *name, size_t name_n, const char *value,
                           size_t value_n);

const char *mh_transfer_text(const mh_transfer *t, mh_text_place place); /* NULL: not given */

/* "GET http://host/path", without what may be secret: user, password, query. */
int mh_transfer_title(const mh_transfer *t, mh_buf *to);

/* A body of segments, which are not copied and must stay until it is over. None added: empty. */
void mh_transfer_have_body(mh_transfer *t);
int mh_transfer_add_segment(mh_transfer *t, const char *bytes, size_t n);

/* A body that is produced while it is sent. `length` -1: unknown. */
void mh_transfer_pull_body(mh_transfer *t, int64_t length);

/* The next header line of a `head` of `n` bytes from *at on (0 at first); false at the end. */
typedef struct mh_header {
  const char *name, *value;
  size_t name_n, value_n;
} mh_header;
bool mh_http_next_header(const char *head, size_t n, size_t *at, mh_header *header);

#endif
