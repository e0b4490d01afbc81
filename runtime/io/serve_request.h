/* A request that an HTTP server has received, and the answer to it. See serve.h. */
#ifndef MH_SERVE_REQUEST_H
#define MH_SERVE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_request mh_request;

typedef enum mh_too_large { MH_FITS, MH_LARGE_HEADERS, MH_LARGE_BODY } mh_too_large;

const char *mh_request_method(const mh_request *r);
const char *mh_request_target(const mh_request *r);     /* as it was sent: nothing decoded */
int64_t mh_request_length(const mh_request *r);         /* Content-Length, or -1 */
mh_too_large mh_request_too_large(const mh_request *r); /* then answer: the body cannot be read */

typedef struct mh_header {
  const char *name, *value;
} mh_header;

/* Iterates over the headers, names in lower case: start with NULL; NULL at the end. */
const char *mh_request_header(const mh_request *r, const char *at, mh_header *header);

/* Starts waiting for bytes of the body. Done: 0 (look at mh_request_body; nothing there means the
 * body has ended), MOONHERD_ECLOSED when the client has gone, MOONHERD_ETIMEOUT when it was too slow,
 * MOONHERD_EFULL when the body is over the limit. NULL: somebody waits already. */
mh_op *mh_request_read(mh_request *r);
const mh_buf *mh_request_body(const mh_request *r);
void mh_request_consume(mh_request *r, size_t n);

/* Bodies of up to this many bytes are copied by the call, which also calls `release`. */
enum { MH_ANSWER_COPIED = 16 * 1024 };

/* An answer. `headers` are copied by the call; the bytes of `segments` must stay until `release` is
 * called, once, maybe by the call itself, whether it succeeds or not. Content-Length and Date are
 * added; Content-Length, Transfer-Encoding and any Connection but "close" are left out of the given
 * ones: framing is the server's. An answer to a HEAD, or a 204 or 304, is sent without its body. */
typedef struct mh_answer {
  unsigned status; /* 200 to 599 */
  const mh_header *headers;
  size_t header_count;
  const uv_buf_t *segments;
  size_t segment_count;
  void (*release)(void *owner); /* NULL: nothing to release */
  void *owner;
} mh_answer;

/* All of these return 0, MOONHERD_EINVAL (bad status or header, wrong order), MOONHERD_EBUSY (answered
 * already), MOONHERD_ECLOSED or _ETIMEOUT (the client has gone), MOONHERD_ENOMEM. An answer that
 * comes before the end of the body closes the connection behind it. */
int mh_request_answer(mh_request *r, const mh_answer *answer);
/* A streamed one: `length` is its Content-Length, or -1. What is left of the body is dropped first. */
int mh_request_begin(mh_request *r, const mh_answer *head, int64_t length);
int mh_request_write(mh_request *r, const void *bytes, size_t n);
int mh_request_finish(mh_request *r);

/* Starts waiting until there is room for the next write. NULL: somebody waits already. */
mh_op *mh_request_drain(mh_request *r);

/* Called when the client goes away before it was answered; runs no Lua. */
void mh_request_on_gone(mh_request *r, void (*on_gone)(void *user), void *user);

/* Unanswered: the client gets an empty 500; half answered: it is cut off. Whoever waits is woken. */
void mh_request_abandon(mh_request *r);
void mh_request_reset(mh_request *r);               /* the client sees the connection reset */
bool mh_request_is_waited_for(const mh_request *r); /* then it must not be dropped yet */
void mh_request_drop(mh_request *r);                /* abandons it; the owner is done with it */

#endif
