/* What comes in: the head of a request, its body, its end. The callbacks of libmicrohttpd, and the
 * reading side of mh_request. See serve_parts.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/serve_parts.h"
#include "moonherd.h"

/* ---- the head ----------------------------------------------------------------------------- */

static mh_conn *conn_of(struct MHD_Connection *mhd) {
  return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static bool is_target(const char *target) {
  if (*target == '\0') return false;
  for (const unsigned char *p = (const unsigned char *)target; *p != '\0'; p++)
    if (*p <= ' ' || *p == 0x7f) return false;
  return true;
}

static int put_text(mh_buf *b, const char *text, size_t n) {
  int e = mh_buf_append(b, text, n);
  return e != 0 ? e : mh_buf_putc(b, '\0');
}

/* libmicrohttpd would take the query apart next, each parameter an allocation in the connection's
 * memory: where that ends it neither answers nor closes. We have our copy; it finds an empty one. The
 * text is in its own buffer, and const only in the type of the callback. */
static void hide_query(const char *target) {
  char *query = strchr(target, '?');
  if (query != NULL) query[1] = '\0';
}

/* The request line has come. What is returned becomes the context of the request. */
void *mh_request_on_target(void *server, const char *target, struct MHD_Connection *mhd) {
  mh_conn *c = conn_of(mhd);
  mh_request *r = c != NULL ? mh_request_new(server) : NULL;
  if (r == NULL) return NULL;
  r->conn = c;
  c->request = r;
  r->is_bad = !is_target(target);
  if (put_text(&r->head, target, strlen(target)) != 0) r->gone = MOONHERD_ENOMEM;
  hide_query(target);
  mh_conn_enter(c, PHASE_HEAD);
  return r;
}

/* What a head says about the body that follows it. */
typedef struct framing {
  mh_request *r;
  unsigned lengths, encodings;
  bool is_chunked, expects_continue;
} framing;

static int put_lower(mh_buf *b, const char *text, size_t n) {
  int e = mh_buf_reserve(b, n + 1);
  if (e != 0) return e;
  for (size_t i = 0; i < n; i++) {
    char c = text[i];
    b->data[b->len++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
  }
  b->data[b->len++] = '\0';
  return 0;
}

static bool is_name(const char *name, size_t n, const char *lower) {
  return strlen(lower) == n && strncasecmp(name, lower, n) == 0;
}

/* Digits that libmicrohttpd has accepted already. */
static int64_t parse_length(const char *value) {
  unsigned long long n = strtoull(value, NULL, 10);
  return n > INT64_MAX ? INT64_MAX : (int64_t)n;
}

static void note_framing(framing *f, const char *name, size_t n, const char *value) {
  if (is_name(name, n, "content-length")) {
    f->lengths++;
    f->r->length = parse_length(value);
  } else if (is_name(name, n, "transfer-encoding")) {
    f->encodings++;
    f->is_chunked = strcasecmp(value, "chunked") == 0;
  } else if (is_name(name, n, "expect")) {
    f->expects_continue = strcasecmp(value, "100-continue") == 0;
  }
}

static enum MHD_Result on_header(void *cls, enum MHD_ValueKind kind, const char *name, size_t n,
                                 const char *value, size_t value_n) {
  framing *f = cls;
  (void)kind;
  if (value == NULL) value = "", value_n = 0;
  if (!mh_is_token(name, n)) f->r->is_bad = true;
  note_framing(f, name, n, value);
  if (put_lower(&f->r->head, name, n) != 0 || put_text(&f->r->head, value, value_n) != 0)
    f->r->gone = MOONHERD_ENOMEM;
  return f->r->gone == 0 ? MHD_YES : MHD_NO;
}

/* One length, or one encoding that is chunked and that the version knows. Two ways to say where a
 * body ends are an attack on whoever stands in front of us. */
static bool is_well_framed(const framing *f) {
  if (f->lengths + f->encodings > 1) return false;
  return f->encodings == 0 || (f->is_chunked && !f->r->is_old);
}

static void find_too_large(mh_request *r, struct MHD_Connection *mhd) {
  const mh_server_options *o = &r->server->options;
  const union MHD_ConnectionInfo *info =
      MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
  if (info != NULL && info->header_size > o->header_limit) r->too_large = MH_LARGE_HEADERS;
  else if (r->length > 0 && (uint64_t)r->length > o->body_limit) r->too_large = MH_LARGE_BODY;
  if (r->too_large != MH_FITS) r->must_close = true;
}

static enum MHD_Result refuse(mh_request *r, unsigned status) {
  mh_answer answer = {.status = status};
  mh_conn_hold(r->conn);
  return mh_early_start(r, &answer) == 0 ? MHD_YES : MHD_NO;
}

static void hold(mh_conn *c) {
  mh_conn_hold(c);
  mh_conn_enter(c, PHASE_WAIT);
}

static enum MHD_Result take_head(mh_request *r, struct MHD_Connection *mhd, const char *method,
                                 const char *version) {
  framing f = {.r = r};
  r->has_head = true;
  r->method_at = r->head.len;
  if (put_text(&r->head, method, strlen(method)) != 0) return MHD_NO;
  r->headers_at = r->head.len;
  MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, on_header, &f);
  if (r->gone != 0) return MHD_NO;
  r->has_body = f.encodings > 0 || r->length > 0;
  r->is_old = strcmp(version, "HTTP/1.0") == 0;
  if (r->is_bad || !is_well_framed(&f)) return refuse(r, MHD_HTTP_BAD_REQUEST);
  if (r->server->is_stopping) return refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE);
  find_too_large(r, mhd);
  mh_request_deliver(r);
  if (r->too_large != MH_FITS || (f.expects_continue && r->has_body)) {
    // A client that expects "100 Continue" gets it when somebody asks for the body.
    hold(r->conn);
    return MHD_YES;
  }
  r->is_open = true;
  if (r->has_body) mh_conn_enter(r->conn, PHASE_BODY);
  return MHD_YES;
}

/* ---- the body ----------------------------------------------------------------------------- */

/* Bytes that nobody wants. Enough of them, and the connection stops until it is answered; when the
 * answer had to wait for the end of the body, that is the end of both. */
static enum MHD_Result drop(mh_request *r, size_t n) {
  r->dropped += n;
  if (r->dropped <= DROP_LIMIT) return MHD_YES;
  if (r->response != NULL) return MHD_NO;
  hold(r->conn);
  return MHD_YES;
}

static enum MHD_Result take_body(mh_request *r, const char *bytes, size_t n) {
  mh_conn_received(r->conn, n);
  r->received += n;
  if (r->is_dropping) return drop(r, n);
  if (r->received > r->server->options.body_limit) {
    r->too_large = MH_LARGE_BODY;
    r->must_close = r->is_dropping = true;
    mh_buf_clear(&r->body);
    mh_op_ready(&r->read, MOONHERD_EFULL);
    return drop(r, n);
  }
  if (mh_buf_append(&r->body, bytes, n) != 0) return MHD_NO;
  mh_op_ready(&r->read, 0);
  if (r->body.len > HIGH_WATER) hold(r->conn);
  return MHD_YES;
}

static enum MHD_Result take_end(mh_request *r) {
  r->is_complete = true;
  mh_op_ready(&r->read, 0);
  if (r->response != NULL) return mh_answer_queue(r);
  hold(r->conn);
  return MHD_YES;
}

/* Called at the end of the head, for every piece of the body, and at its end. When it suspends at the
 * end of the head it is called once more after the resume, which then lets the body in. */
enum MHD_Result mh_request_on_access(void *server, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *bytes,
                                     size_t *n, void **request) {
  mh_request *r = *request;
  (void)server;
  (void)url;
  if (r == NULL || r->gone != 0) return MHD_NO;
  if (!r->has_head) return take_head(r, mhd, method, version);
  if (*n > 0) {
    size_t taken = *n;
    *n = 0;
    return take_body(r, bytes, taken);
  }
  if (r->is_open) return take_end(r);
  r->is_open = true;
  mh_conn_enter(r->conn, PHASE_BODY);
  return MHD_YES;
}

/* libmicrohttpd forgets a connection that ends inside on_stream, with its socket open, until it has
 * another reason to look at it. */
static void wake_forgotten(mh_conn *c) {
  if (c->server->daemon == NULL) return;  // all connections are being closed
  mh_conn_hold(c);
  mh_conn_release(c);
}

void mh_request_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                             enum MHD_RequestTerminationCode code) {
  mh_request *r = *request;
  (void)server;
  (void)mhd;
  if (r == NULL) return;
  *request = NULL;
  if (r->response != NULL) MHD_destroy_response(r->response);
  r->response = NULL;
  bool is_well = code == MHD_REQUEST_TERMINATED_COMPLETED_OK;
  if (is_well && r->is_answered) {
    r->is_done = true;
    mh_op_ready(&r->drain, 0);
  }
  mh_request_gone(r, MOONHERD_ECLOSED);
  mh_conn *c = r->conn;
  bool is_forgotten = r->is_stream && (!is_well || r->is_unframed);
  c->request = NULL;
  r->conn = NULL;
  mh_request_unref(r);
  mh_conn_enter(c, PHASE_IDLE);
  if (is_forgotten) wake_forgotten(c);
  if (c->server->is_stopping) mh_conn_end(c, MOONHERD_ECLOSED);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Lets the sender go on when it is held for us. */
static void want_body(mh_request *r) {
  if (r->conn == NULL || r->is_complete || r->body.len >= LOW_WATER || !r->conn->is_held) return;
  if (r->is_open) mh_conn_enter(r->conn, PHASE_BODY);
  mh_conn_release(r->conn);
}

mh_op *mh_request_read(mh_request *r) {
  if (r->read.is_open) return NULL;
  mh_op_start(&r->read);
  if (r->too_large != MH_FITS) mh_op_ready(&r->read, MOONHERD_EFULL);
  else if (r->body.len > 0 || r->is_complete || r->is_answered) mh_op_ready(&r->read, 0);
  else if (r->gone != 0) mh_op_ready(&r->read, r->gone);
  else want_body(r);
  return &r->read;
}

void mh_request_consume(mh_request *r, size_t n) {
  mh_buf_consume(&r->body, n);
  if (r->is_open && !r->is_answered && r->too_large == MH_FITS) want_body(r);
}

void mh_request_reset(mh_request *r) {
  if (r->conn != NULL) mh_conn_reset(r->conn);
}
