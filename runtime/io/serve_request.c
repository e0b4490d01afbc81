/* A request of the HTTP server: its life, its place in the queue of those that nobody has taken yet,
 * and what is known of it. What comes in is serve_receive.c, what goes out serve_send.c. See
 * serve_parts.h. */
#include <stdlib.h>
#include <string.h>

#include "io/serve_parts.h"

enum { SPARES = 64, SPARE_BYTES = 64 * 1024 };

/* ---- the object --------------------------------------------------------------------------- */

mh_request *mh_request_new(mh_server *s) {
  mh_request *r = s->spare;
  if (r != NULL) {
    s->spare = r->queue_next;
    s->spare_count--;
  } else {
    r = calloc(1, sizeof *r);
    if (r == NULL) return NULL;
    r->server = s;
    s->requests++;
    mh_buf_init(&r->head, s->options.mem);
    mh_buf_init(&r->body, s->options.mem);
    mh_buf_init(&r->out, s->options.mem);
  }
  r->refs = 1;
  r->length = -1;
  mh_op_init(&r->read, s->loop, "a request's body", NULL);
  mh_op_init(&r->drain, s->loop, "the client to read", NULL);
  return r;
}

void mh_request_destroy(mh_request *r) {
  mh_buf_fini(&r->head);
  mh_buf_fini(&r->body);
  mh_buf_fini(&r->out);
  mh_server *s = r->server;
  free(r);
  s->requests--;
  mh_server_free_unused(s);
}

/* As new, but for the memory of its buffers. */
static void recycle(mh_server *s, mh_request *r) {
  mh_buf head = r->head, body = r->body, out = r->out;
  memset(r, 0, sizeof *r);
  r->server = s;
  r->head = head;
  r->body = body;
  r->out = out;
  mh_buf_clear(&r->head);
  mh_buf_clear(&r->body);
  mh_buf_clear(&r->out);
  r->queue_next = s->spare;
  s->spare = r;
  s->spare_count++;
}

void mh_request_unref(mh_request *r) {
  if (--r->refs > 0) return;
  mh_server *s = r->server;
  mh_op_cancel(&r->read);
  mh_op_cancel(&r->drain);
  bool is_small = r->head.cap + r->body.cap + r->out.cap <= SPARE_BYTES;
  if (is_small && !s->is_freed && s->spare_count < SPARES) recycle(s, r);
  else mh_request_destroy(r);
}

/* ---- the queue ---------------------------------------------------------------------------- */

void mh_request_deliver(mh_request *r) {
  mh_server *s = r->server;
  r->is_queued = true;
  r->refs++;
  r->queue_prev = s->queue_tail;
  r->queue_next = NULL;
  if (s->queue_tail != NULL) s->queue_tail->queue_next = r;
  else s->queue_head = r;
  s->queue_tail = r;
  mh_op_ready(&s->accept, 0);
}

void mh_request_unqueue(mh_request *r) {
  mh_server *s = r->server;
  if (r->queue_prev != NULL) r->queue_prev->queue_next = r->queue_next;
  else s->queue_head = r->queue_next;
  if (r->queue_next != NULL) r->queue_next->queue_prev = r->queue_prev;
  else s->queue_tail = r->queue_prev;
  r->is_queued = false;
}

void mh_request_withdraw(mh_request *r) {
  if (!r->is_queued) return;
  mh_request_unqueue(r);
  mh_request_unref(r);
}

void mh_request_gone(mh_request *r, int status) {
  if (r->gone != 0 || r->is_done) return;
  r->gone = status;
  mh_op_ready(&r->read, status);
  mh_op_ready(&r->drain, status);
  bool is_out_of_hands = r->is_answered && (!r->is_stream || r->is_finished);
  if (r->on_gone != NULL && !is_out_of_hands) r->on_gone(r->user);
  mh_request_withdraw(r);
}

/* ---- what is known of it ------------------------------------------------------------------ */

const char *mh_request_method(const mh_request *r) {
  return r->head.data + r->method_at;
}

const char *mh_request_target(const mh_request *r) {
  return r->head.data;
}

int64_t mh_request_length(const mh_request *r) {
  return r->length;
}

mh_too_large mh_request_too_large(const mh_request *r) {
  return r->too_large;
}

const char *mh_request_header(const mh_request *r, const char *at, mh_header *header) {
  if (at == NULL) at = r->head.data + r->headers_at;
  if (at >= r->head.data + r->head.len) return NULL;
  header->name = at;
  header->value = at + strlen(at) + 1;
  return header->value + strlen(header->value) + 1;
}

const mh_buf *mh_request_body(const mh_request *r) {
  return &r->body;
}

bool mh_request_is_waited_for(const mh_request *r) {
  return r->read.is_open || r->drain.is_open;
}

void mh_request_on_gone(mh_request *r, void (*on_gone)(void *user), void *user) {
  r->on_gone = on_gone;
  r->user = user;
}
