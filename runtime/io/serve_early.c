/* Answers that come before the request has been received in full. libmicrohttpd refuses them in the
 * middle of a body, and closes too soon behind one at the end of the head: a client that is still
 * sending would get a reset instead of the answer. So the connection is suspended, the answer written
 * here, the client's bytes read and dropped meanwhile, and the connection closed when the client has
 * closed its side or LINGER_TIME has passed. After DROP_LIMIT bytes no more is read: who goes on
 * sending without a look at the answer is stuck until then. See serve_parts.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "io/serve_parts.h"
#include "moonherd.h"

enum { PARTS_AT_ONCE = 16 };

typedef struct early {
  mh_writer writer; /* first: a pointer to it is one to the whole */
  mh_buf head;
  void (*release)(void *owner);
  void *owner;
  size_t dropped;
  bool is_sent;
  bool is_enough; /* read: DROP_LIMIT */
  bool is_end;    /* the client has closed its side */
  size_t at, count;
  uv_buf_t parts[]; /* what is left of the head and the segments */
} early;

static void free_early(early *e) {
  if (e->release != NULL) e->release(e->owner);
  mh_buf_fini(&e->head);
  free(e);
}

static int write_head(mh_request *r, const mh_answer *a, mh_buf *head) {
  int e = mh_buf_printf(head, "HTTP/1.1 %u %s\r\nConnection: close\r\n", a->status,
                        MHD_get_reason_phrase_for(a->status));
  if (e == 0 && !mh_answer_has(a, "date"))
    e = mh_buf_printf(head, "Date: %s\r\n", mh_answer_date(r->server));
  if (e == 0 && a->status != MHD_HTTP_NO_CONTENT)
    e = mh_buf_printf(head, "Content-Length: %zu\r\n", mh_answer_total(a));
  for (size_t i = 0; i < a->header_count && e == 0; i++)
    if (!mh_answer_is_framing(&a->headers[i]))
      e = mh_buf_printf(head, "%s: %s\r\n", a->headers[i].name, a->headers[i].value);
  return e == 0 ? mh_buf_puts(head, "\r\n") : e;
}

/* A small body goes behind the head, and the answer is done with. */
static int copy_body(const mh_answer *a, mh_buf *head) {
  int e = 0;
  for (size_t i = 0; i < a->segment_count && e == 0; i++)
    e = mh_buf_append(head, a->segments[i].base, a->segments[i].len);
  return e;
}

/* Takes over the release of the answer when it succeeds. */
static early *new_early(mh_request *r, const mh_answer *a) {
  bool has_body = !mh_answer_is_bodyless(r, a->status);
  bool is_copied = mh_answer_total(a) <= MH_ANSWER_COPIED;
  size_t segments = has_body && !is_copied ? a->segment_count : 0;
  early *e = calloc(1, sizeof *e + (segments + 1) * sizeof e->parts[0]);
  if (e == NULL) return NULL;
  mh_buf_init(&e->head, NULL);
  if (write_head(r, a, &e->head) != 0 || (has_body && is_copied && copy_body(a, &e->head) != 0)) {
    free_early(e);
    return NULL;
  }
  e->count = segments + 1;
  e->parts[0] = uv_buf_init(e->head.data, (unsigned)e->head.len);
  if (segments > 0) memcpy(&e->parts[1], a->segments, segments * sizeof e->parts[0]);
  if (is_copied) {
    mh_answer_release(a);
  } else {
    e->release = a->release;
    e->owner = a->owner;
  }
  return e;
}

/* ---- the socket --------------------------------------------------------------------------- */

static void advance(early *e, size_t n) {
  while (e->at < e->count && n >= e->parts[e->at].len) n -= e->parts[e->at++].len;
  if (e->at == e->count) return;
  e->parts[e->at].base += n;
  e->parts[e->at].len -= n;
}

/* Writes what the socket takes. False: it is broken. */
static bool send_parts(mh_conn *c, early *e) {
  while (e->at < e->count) {
    size_t count = e->count - e->at < PARTS_AT_ONCE ? e->count - e->at : PARTS_AT_ONCE;
    // uv_buf_t is laid out as struct iovec: libuv itself relies on it.
    struct msghdr m = {.msg_iov = (struct iovec *)&e->parts[e->at], .msg_iovlen = count};
    ssize_t n = sendmsg(c->fd, &m, MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    advance(e, (size_t)n);
  }
  e->is_sent = true;
  return true;
}

/* Reads and drops what has come. False: the client has gone. */
static bool drop_input(mh_conn *c, early *e) {
  char scrap[16 * 1024];
  while (!e->is_enough && !e->is_end) {
    ssize_t n = recv(c->fd, scrap, sizeof scrap, 0);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    e->dropped += (size_t)n;
    e->is_end = n == 0;
    e->is_enough = e->dropped > DROP_LIMIT;
  }
  return true;
}

static void linger(mh_conn *c) {
  if (c->phase == PHASE_LINGER) return;
  shutdown(c->fd, SHUT_WR);
  mh_conn_enter(c, PHASE_LINGER);
}

/* False: the connection can be closed. */
static bool go_on(mh_conn *c, early *e, int events) {
  if (!e->is_sent && !send_parts(c, e)) return false;
  if (!drop_input(c, e)) return false;
  if (e->is_sent && (e->is_end || (events & UV_DISCONNECT) != 0)) return false;
  if (e->is_sent) linger(c);
  int want = e->is_sent ? 0 : UV_WRITABLE;
  if (!e->is_enough && !e->is_end) want |= UV_READABLE;
  return mh_conn_watch(c, want != 0 ? want : UV_DISCONNECT);
}

static void on_event(mh_conn *c, int status, int events) {
  if (status < 0 || !go_on(c, (early *)c->writer, events)) mh_conn_end(c, MOONHERD_ECLOSED);
}

static void on_close(mh_writer *writer) {
  free_early((early *)writer);
}

int mh_early_start(mh_request *r, const mh_answer *a) {
  mh_conn *c = r->conn;
  early *e = new_early(r, a);
  if (e == NULL) {
    mh_answer_release(a);
    return MOONHERD_ENOMEM;
  }
  r->is_answered = r->must_close = true;
  mh_buf_clear(&r->body);
  e->writer = (mh_writer){on_event, on_close};
  c->writer = &e->writer;
  mh_conn_hold(c);
  mh_conn_enter(c, PHASE_SEND);
  if (!go_on(c, e, 0)) mh_conn_end(c, MOONHERD_ECLOSED);
  return 0;
}
