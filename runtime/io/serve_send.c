/* What goes out: whole and streamed answers through libmicrohttpd, and dropping a request. See
 * serve_parts.h. */
#include <stdlib.h>
#include <string.h>

#include "io/serve_parts.h"
#include "moonherd.h"

enum { MANY_SEGMENTS = 512, STREAM_BLOCK = 16 * 1024 };

/* ---- the response ------------------------------------------------------------------------- */

static int check(const mh_request *r, const mh_answer *a) {
  if (r->is_answered) return MOONHERD_EBUSY;
  if (a->status < 200 || a->status > 599) return MOONHERD_EINVAL;
  for (size_t i = 0; i < a->header_count; i++) {
    const mh_header *h = &a->headers[i];
    if (!mh_is_token(h->name, strlen(h->name)) || strpbrk(h->value, "\r\n") != NULL)
      return MOONHERD_EINVAL;
  }
  return r->gone;
}

/* Adds the headers; takes the response over, also when it fails. */
static int set_response(mh_request *r, struct MHD_Response *response, const mh_answer *a) {
  if (response == NULL) return MOONHERD_ENOMEM;
  if (mh_answer_wants_close(a) || r->server->is_stopping) r->must_close = true;
  bool is_set = mh_answer_has(a, "date") ||
                MHD_add_response_header(response, "Date", mh_answer_date(r->server)) == MHD_YES;
  if (r->must_close) is_set &= MHD_add_response_header(response, "Connection", "close") == MHD_YES;
  for (size_t i = 0; i < a->header_count && is_set; i++)
    if (!mh_answer_is_framing(&a->headers[i]))
      is_set =
          MHD_add_response_header(response, a->headers[i].name, a->headers[i].value) == MHD_YES;
  if (!is_set) {
    MHD_destroy_response(response);
    return MOONHERD_ENOMEM;
  }
  r->response = response;
  r->status = a->status;
  r->is_answered = true;
  r->is_bodyless = mh_answer_is_bodyless(r, a->status);
  return 0;
}

/* ---- handing it over ---------------------------------------------------------------------- */

enum MHD_Result mh_answer_queue(mh_request *r) {
  enum MHD_Result result = MHD_queue_response(r->conn->mhd, r->status, r->response);
  MHD_destroy_response(r->response);
  r->response = NULL;
  mh_conn_enter(r->conn, PHASE_SEND);
  return result;
}

/* At the end of the body, which may be now. What is left of it is dropped. */
static void hand_over(mh_request *r) {
  if (r->is_complete) {
    if (mh_answer_queue(r) == MHD_YES) mh_conn_release(r->conn);
    else mh_conn_end(r->conn, MOONHERD_ECLOSED);
    return;
  }
  mh_buf_clear(&r->body);
  r->is_dropping = true;
  if (!r->conn->is_held) return;
  mh_conn_enter(r->conn, PHASE_BODY);
  mh_conn_release(r->conn);
}

/* ---- whole answers ------------------------------------------------------------------------ */

/* A long body goes out from where it is. */
typedef struct long_body {
  void (*release)(void *owner);
  void *owner;
} long_body;

static void free_long_body(void *cls) {
  long_body *b = cls;
  if (b->release != NULL) b->release(b->owner);
  free(b);
}

/* Takes over the release of the answer when it succeeds. */
static struct MHD_Response *long_response(const mh_answer *a) {
  long_body *b = calloc(1, sizeof *b);
  if (b == NULL) return NULL;
  // struct MHD_IoVec and uv_buf_t are both struct iovec by another name.
  struct MHD_Response *response = MHD_create_response_from_iovec(
      (const struct MHD_IoVec *)a->segments, (unsigned)a->segment_count, free_long_body, b);
  if (response == NULL) {
    free(b);
    return NULL;
  }
  b->release = a->release;
  b->owner = a->owner;
  return response;
}

/* A short one is copied into one piece, which then goes out in one call with the head. So is one in
 * very many pieces: libmicrohttpd has no room for their addresses. */
static struct MHD_Response *copied_response(const mh_answer *a, size_t total) {
  char *bytes = malloc(total > 0 ? total : 1), *end = bytes;
  if (bytes == NULL) return NULL;
  for (size_t i = 0; i < a->segment_count; i++) {
    memcpy(end, a->segments[i].base, a->segments[i].len);
    end += a->segments[i].len;
  }
  struct MHD_Response *response =
      MHD_create_response_from_buffer(total, bytes, MHD_RESPMEM_MUST_FREE);
  if (response == NULL) free(bytes);
  return response;
}

/* A small rest is waited for: most clients send a small body at once, and keep their connection. */
static bool is_rest_small(const mh_request *r) {
  return r->is_open && r->length >= 0 && (uint64_t)r->length - r->received <= SMALL_REST;
}

static int answer_whole(mh_request *r, const mh_answer *a) {
  size_t total = mh_answer_total(a);
  bool is_copied = total <= MH_ANSWER_COPIED || a->segment_count > MANY_SEGMENTS;
  struct MHD_Response *response = is_copied ? copied_response(a, total) : long_response(a);
  int e = set_response(r, response, a);  // which releases a long body when it fails
  if (is_copied || response == NULL) mh_answer_release(a);
  if (e == 0) hand_over(r);
  return e;
}

int mh_request_answer(mh_request *r, const mh_answer *a) {
  int e = check(r, a);
  if (e != 0) {
    mh_answer_release(a);
    return e;
  }
  // libmicrohttpd would close the connection of a client that sends no more, answer or not.
  bool is_ours = r->is_complete ? mh_conn_has_ended(r->conn) : !is_rest_small(r);
  return is_ours ? mh_early_start(r, a) : answer_whole(r, a);
}

/* ---- streamed answers --------------------------------------------------------------------- */

static ssize_t on_stream(void *cls, uint64_t position, char *into, size_t max) {
  mh_request *r = cls;
  (void)position;
  if (r->gone != 0) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (r->out.len == 0) {
    if (r->is_finished) return MHD_CONTENT_READER_END_OF_STREAM;
    mh_conn_hold(r->conn);
    mh_conn_enter(r->conn, PHASE_WAIT);
    return 0;
  }
  size_t n = r->out.len < max ? r->out.len : max;
  memcpy(into, r->out.data, n);
  mh_buf_consume(&r->out, n);
  if (r->out.len <= LOW_WATER) mh_op_ready(&r->drain, 0);
  return (ssize_t)n;
}

int mh_request_begin(mh_request *r, const mh_answer *head, int64_t length) {
  int e = check(r, head);
  if (e != 0) return e;
  uint64_t size = length >= 0 ? (uint64_t)length : MHD_SIZE_UNKNOWN;
  struct MHD_Response *response =
      MHD_create_response_from_callback(size, STREAM_BLOCK, on_stream, r, NULL);
  // Chunked, libmicrohttpd would send the last chunk even where no body may follow.
  if (response != NULL && length < 0 && mh_answer_is_bodyless(r, head->status))
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
  e = set_response(r, response, head);
  if (e != 0) return e;
  r->is_stream = true;
  r->stream_left = size;
  r->is_unframed = length < 0 && r->is_old;
  hand_over(r);
  return 0;
}

/* The stream waits for us: libmicrohttpd has asked for more and got nothing. */
static void wake_stream(mh_request *r) {
  if (r->conn == NULL || !r->is_complete || !r->conn->is_held) return;
  mh_conn_enter(r->conn, PHASE_SEND);
  mh_conn_release(r->conn);
}

int mh_request_write(mh_request *r, const void *bytes, size_t n) {
  if (!r->is_stream || r->is_finished) return MOONHERD_EINVAL;
  if (r->stream_left != MHD_SIZE_UNKNOWN && n > r->stream_left) return MOONHERD_EINVAL;
  if (r->gone != 0) return r->gone;
  if (r->stream_left != MHD_SIZE_UNKNOWN) r->stream_left -= n;
  if (r->is_bodyless || r->is_done || n == 0) return 0;
  int e = mh_buf_append(&r->out, bytes, n);
  if (e == 0) wake_stream(r);
  return e;
}

mh_op *mh_request_drain(mh_request *r) {
  if (r->drain.is_open) return NULL;
  mh_op_start(&r->drain);
  if (r->gone != 0) mh_op_ready(&r->drain, r->gone);
  else if (r->out.len < HIGH_WATER || r->is_done) mh_op_ready(&r->drain, 0);
  return &r->drain;
}

int mh_request_finish(mh_request *r) {
  if (!r->is_stream || r->is_finished) return MOONHERD_EINVAL;
  if (r->gone != 0) return r->gone;
  bool is_short = r->stream_left != MHD_SIZE_UNKNOWN && r->stream_left > 0 && !r->is_bodyless;
  r->is_finished = true;
  if (r->is_done) return 0;
  if (is_short) {  // the client must see that something is missing
    mh_conn_end(r->conn, MOONHERD_ECLOSED);
    return MOONHERD_EINVAL;
  }
  wake_stream(r);
  return 0;
}

/* ---- dropping ----------------------------------------------------------------------------- */

/* Whether the client has been, or will be, told all. */
static bool is_settled(const mh_request *r) {
  if (r->gone != 0 || r->is_done) return true;
  return r->is_answered && (!r->is_stream || r->is_finished);
}

void mh_request_abandon(mh_request *r) {
  static const mh_answer failure = {.status = MHD_HTTP_INTERNAL_SERVER_ERROR};
  r->on_gone = NULL;
  if (!is_settled(r) && !r->is_answered) mh_request_answer(r, &failure);
  if (!is_settled(r)) mh_conn_end(r->conn, MOONHERD_ECLOSED);
  mh_op_ready(&r->read, MOONHERD_ECLOSED);
  mh_op_ready(&r->drain, MOONHERD_ECLOSED);
}

void mh_request_drop(mh_request *r) {
  mh_request_abandon(r);
  mh_request_unref(r);
}
