/* Transfers: what is asked, what comes back, how far it is, and when it has taken too long. The
 * callbacks of libcurl here only move bytes and note things down. */
#include "io/http.h"

#include <errno.h>
#include <string.h>

#include "io/http_private.h"
#include "moonherd.h"

static const double CONNECT_TIMEOUT = 10, STALL_TIMEOUT = 60, TIMEOUT = 300;

enum {
  MAX_BODY = 100 * 1024 * 1024,
  MAX_HEAD = 256 * 1024,
  LOW_WATER = MH_HTTP_HIGH_WATER / 4,
  MAX_RESERVED = 1024 * 1024, /* bytes that an announced length alone may claim */
  KEPT_MEMORY = 16 * 1024     /* of a buffer, over a reset */
};

const char *mh_http_reason_name(mh_http_reason reason) {
  static const char *const names[] = {
      [MH_HTTP_OK] = "ok",
      [MH_HTTP_TIMEOUT_CONNECT] = "timeout_connect",
      [MH_HTTP_TIMEOUT_STALL] = "timeout_stall",
      [MH_HTTP_TIMEOUT_TOTAL] = "timeout_total",
      [MH_HTTP_BAD_URL] = "bad_url",
      [MH_HTTP_DNS_FAILED] = "dns_failed",
      [MH_HTTP_CONNECT_FAILED] = "connect_failed",
      [MH_HTTP_TLS_FAILED] = "tls_failed",
      [MH_HTTP_SEND_FAILED] = "send_failed",
      [MH_HTTP_CONNECTION_RESET] = "connection_reset",
      [MH_HTTP_PROTOCOL] = "protocol",
      [MH_HTTP_TOO_LARGE] = "too_large",
      [MH_HTTP_NO_MEMORY] = "no_memory",
      [MH_HTTP_CLOSED] = "closed",
  };
  return names[reason];
}

static bool is_safe(const mh_transfer *t) {
  const char *method = mh_transfer_text(t, MH_TEXT_METHOD);
  return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

bool mh_transfer_is_retryable(const mh_transfer *t) {
  switch (t->reason) {
    case MH_HTTP_TIMEOUT_CONNECT:
    case MH_HTTP_TIMEOUT_STALL:
    case MH_HTTP_TIMEOUT_TOTAL:
    case MH_HTTP_DNS_FAILED:
    case MH_HTTP_CONNECT_FAILED:
    case MH_HTTP_SEND_FAILED:
    case MH_HTTP_CONNECTION_RESET: return !t->was_sent || is_safe(t);
    default: return false;  // it would fail the same way again
  }
}

/* ---- waking the owner --------------------------------------------------------------------- */

static bool has_wanted(const mh_transfer *t) {
  if (t->state == MH_TRANSFER_OVER) return true;
  switch (t->want) {
    case MH_WANT_HEAD: return t->has_head;
    case MH_WANT_DATA: return t->body.len > 0;
    case MH_WANT_ROOM: return t->chunk_left == 0;
    default: return false;
  }
}

static void notify(mh_transfer *t) {
  if (t->op.is_open && has_wanted(t)) mh_op_ready(&t->op, 0);
}

void mh_transfer_want_for(mh_transfer *t, mh_transfer_want want) {
  t->want = want;
  mh_op_start(&t->op);
  notify(t);
}

/* ---- the limits --------------------------------------------------------------------------- */

/* Whether the next move is the other side's, in a phase in which bytes should flow. */
static bool can_stall(const mh_transfer *t) {
  if (t->state == MH_TRANSFER_SENDING) return !t->is_send_paused;
  return t->state == MH_TRANSFER_RECEIVING && !t->is_receive_paused;
}

static uint64_t next_limit(const mh_transfer *t) {
  uint64_t due = t->total_due;
  uint64_t stall = can_stall(t) ? mh_clock_after(t->moved_at, t->stall_timeout) : MH_NEVER;
  if (t->state == MH_TRANSFER_CONNECTING && t->connect_due < due) due = t->connect_due;
  return stall < due ? stall : due;
}

/* The timer may be early, never late: moving bytes does not touch it. */
static void watch_limits(mh_transfer *t) {
  uint64_t due = next_limit(t);
  if (!mh_timer_is_running(&t->limit) || due < t->limit.due)
    mh_timer_start(t->op.loop, &t->limit, due);
}

static void moved(mh_transfer *t) {
  t->moved_at = t->http->now;
}

static void set_state(mh_transfer *t, mh_transfer_state state) {
  t->http->connecting += (state == MH_TRANSFER_CONNECTING) - (t->state == MH_TRANSFER_CONNECTING);
  t->state = state;
}

static void enter(mh_transfer *t, mh_transfer_state state) {
  set_state(t, state);
  moved(t);
  watch_limits(t);
}

/* ---- the end ------------------------------------------------------------------------------ */

static void find_out_what_was_sent(mh_transfer *t) {
  long sent = 0;
  if (t->slot != NULL) curl_easy_getinfo(t->slot->easy, CURLINFO_REQUEST_SIZE, &sent);
  t->was_sent = t->was_attempted && sent > t->sent_before;
}

/* Takes it out of the engine. */
static void leave(mh_transfer *t) {
  mh_loop *loop = t->op.loop;
  mh_timer_stop(loop, &t->limit);
  mh_http_leave(t->http, t);
  set_state(t, MH_TRANSFER_OVER);
  t->chunk = NULL;
  t->chunk_left = 0;
  loop->open_handles--;
}

static void explain(mh_transfer *t, mh_http_reason reason, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void explain(mh_transfer *t, mh_http_reason reason, const char *format, ...) {
  if (t->reason != MH_HTTP_OK) return;  // what was found out first is the cause
  va_list args;
  va_start(args, format);
  t->reason = reason;
  mh_buf_vprintf(&t->message, format, args);  // without memory: no message
  va_end(args);
}

static void end(mh_transfer *t) {
  find_out_what_was_sent(t);
  leave(t);
  notify(t);
}

/* What a code of libcurl means. Codes that only options we do not use bring up are "protocol". */
static mh_http_reason reason_of(const mh_transfer *t, CURLcode code) {
  long os_error = 0;
  switch (code) {
    case CURLE_OK: return MH_HTTP_OK;
    case CURLE_OUT_OF_MEMORY:  // also of a header line that is over libcurl's own limit, 100 KiB
      return t->state >= MH_TRANSFER_WAITING && !t->has_head ? MH_HTTP_TOO_LARGE
                                                             : MH_HTTP_NO_MEMORY;
    case CURLE_BAD_FUNCTION_ARGUMENT:  // of the URL: it is over libcurl's own limit, 8 MB
    case CURLE_URL_MALFORMAT: return MH_HTTP_BAD_URL;
    case CURLE_UNSUPPORTED_PROTOCOL:  // of the URL; or an answer in HTTP/0.9
      return t->was_attempted ? MH_HTTP_PROTOCOL : MH_HTTP_BAD_URL;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:  // or a path too long for a socket
      return t->places[MH_TEXT_UNIX_SOCKET] != 0 ? MH_HTTP_CONNECT_FAILED : MH_HTTP_DNS_FAILED;
    case CURLE_COULDNT_CONNECT: return MH_HTTP_CONNECT_FAILED;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_CLIENTCERT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_USE_SSL_FAILED: return MH_HTTP_TLS_FAILED;
    case CURLE_SEND_ERROR:
      curl_easy_getinfo(t->slot->easy, CURLINFO_OS_ERRNO, &os_error);
      return os_error == EPIPE || os_error == ECONNRESET ? MH_HTTP_CONNECTION_RESET
                                                         : MH_HTTP_SEND_FAILED;
    case CURLE_RECV_ERROR:  // also of chunks that are none
      return strstr(t->slot->error, "chunk") != NULL ? MH_HTTP_PROTOCOL : MH_HTTP_CONNECTION_RESET;
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_ABORTED_BY_CALLBACK: return MH_HTTP_CONNECTION_RESET;
    default: return MH_HTTP_PROTOCOL;
  }
}

static void on_done(mh_transfer *t, CURLcode code) {
  const char *error = t->slot != NULL ? t->slot->error : "";
  mh_http_reason reason = reason_of(t, code);
  if (reason == MH_HTTP_TOO_LARGE) explain(t, reason, "a header of the answer is over 100 KiB");
  else if (code == CURLE_OK && !t->has_head)  // libcurl takes what it has got for the answer
    explain(t, MH_HTTP_CONNECTION_RESET, "the server closed the connection within the headers");
  else if (code == CURLE_ABORTED_BY_CALLBACK)
    explain(t, reason, "the server closed the connection, which was kept from an earlier request");
  else if (code != CURLE_OK)
    explain(t, reason, "%s", error[0] != '\0' ? error : curl_easy_strerror(code));
  end(t);
}

/* ---- pauses and limits -------------------------------------------------------------------- */

/* Tells libcurl what is still paused. It may call back at once, which may fail. */
static void unpause(mh_transfer *t) {
  mh_http *http = t->http;
  http->now = mh_loop_now(t->op.loop);
  moved(t);
  watch_limits(t);
  int paused =
      (t->is_send_paused ? CURLPAUSE_SEND : 0) | (t->is_receive_paused ? CURLPAUSE_RECV : 0);
  CURLcode code = curl_easy_pause(t->slot->easy, paused);
  if (code == CURLE_OK) return;
  on_done(t, code);
  mh_http_admit(http);
}

static void unpause_sending(mh_transfer *t) {
  if (!t->is_send_paused) return;
  t->is_send_paused = false;
  if (t->slot != NULL) unpause(t);
}

/* The server has answered, with something else than success, before it had the whole body. libcurl
 * then sends no more of it, but does not end while sending is paused. */
static bool is_refused_early(const mh_transfer *t) {
  return t->is_send_paused && t->has_head && t->status >= 300;
}

static const char *phase(const mh_transfer *t) {
  switch (t->state) {
    case MH_TRANSFER_CONNECTING: return "while connecting";
    case MH_TRANSFER_SENDING: return "while sending the request";
    case MH_TRANSFER_WAITING: return "while waiting for the answer";
    default: return "while receiving the answer";
  }
}

static void on_limit(mh_timer *timer) {
  mh_transfer *t = (mh_transfer *)((char *)timer - offsetof(mh_transfer, limit));
  mh_http *http = t->http;
  uint64_t now = mh_loop_now(t->op.loop);
  if (is_refused_early(t)) unpause_sending(t);
  if (t->state == MH_TRANSFER_OVER) return;
  if (next_limit(t) > now) {
    watch_limits(t);
    return;
  }
  if (t->total_due <= now)
    explain(t, MH_HTTP_TIMEOUT_TOTAL, "not done after %g s, %s (limit: timeout)", t->timeout,
            phase(t));
  else if (t->state == MH_TRANSFER_CONNECTING)
    explain(t, MH_HTTP_TIMEOUT_CONNECT, "not connected after %g s (limit: connect_timeout)",
            t->connect_timeout);
  else
    explain(t, MH_HTTP_TIMEOUT_STALL, "no byte moved for %g s, %s (limit: stall_timeout)",
            t->stall_timeout, phase(t));
  end(t);
  mh_http_admit(http);
}

/* ---- callbacks of libcurl ----------------------------------------------------------------- */

/* Whether libcurl has written all of the body. What it counts may include the frames of chunks:
 * then this is true some bytes early. */
static bool is_body_out(const mh_transfer *t) {
  if (!t->has_body) return true;
  if (!t->is_pulled) return t->uploaded >= t->length;
  return t->is_complete && t->chunk_left == 0 && t->uploaded >= t->given;
}

static void see_whether_sent(mh_transfer *t) {
  if (t->state == MH_TRANSFER_SENDING && is_body_out(t)) enter(t, MH_TRANSFER_WAITING);
}

/* A request that may change something is not repeated once a byte of it has left: that is for
 * somebody who can find out what became of the first. */
static bool can_repeat(mh_transfer *t, bool is_sent) {
  if (is_sent && (t->has_body || !is_safe(t))) return false;
  t->segment = t->offset = 0;
  return !t->is_pulled || t->given == (int64_t)t->chunk_left;
}

/* libcurl is about to send the request. When a kept connection turns out to be dead it comes here a
 * second time, with another connection. */
static int on_request(void *user, char *ip, char *local_ip, int port, int local_port) {
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  mh_http_slot *slot = user;
  mh_transfer *t = slot->transfer;
  long sent = 0;
  curl_easy_getinfo(slot->easy, CURLINFO_REQUEST_SIZE, &sent);
  if (t->was_attempted && !can_repeat(t, sent > t->sent_before)) return CURL_PREREQFUNC_ABORT;
  if (!t->was_attempted) t->sent_before = sent;
  t->was_attempted = true;
  enter(t, MH_TRANSFER_SENDING);
  see_whether_sent(t);
  return CURL_PREREQFUNC_OK;
}

static size_t read_segments(mh_transfer *t, char *into, size_t room) {
  const mh_segment *segments = (const mh_segment *)t->segments.data;
  size_t count = t->segments.len / sizeof *segments, filled = 0;
  while (filled < room && t->segment < count) {
    const mh_segment *s = &segments[t->segment];
    size_t n = s->n - t->offset < room - filled ? s->n - t->offset : room - filled;
    memcpy(into + filled, s->bytes + t->offset, n);
    filled += n;
    t->offset += n;
    if (t->offset == s->n) {
      t->segment++;
      t->offset = 0;
    }
  }
  return filled;
}

static size_t read_chunk(mh_transfer *t, char *into, size_t room) {
  if (t->chunk_left == 0) {
    if (t->is_complete) return 0;
    t->is_send_paused = true;
    return CURL_READFUNC_PAUSE;
  }
  size_t n = t->chunk_left < room ? t->chunk_left : room;
  memcpy(into, t->chunk, n);
  t->chunk += n;
  t->chunk_left -= n;
  if (t->chunk_left == 0) notify(t);
  return n;
}

static size_t on_read(char *into, size_t size, size_t n, void *user) {
  mh_transfer *t = ((mh_http_slot *)user)->transfer;
  return t->is_pulled ? read_chunk(t, into, size * n) : read_segments(t, into, size * n);
}

/* Called while a body is sent, after bytes have moved and at other times. */
static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                       curl_off_t up) {
  (void)down_total, (void)down, (void)up_total;
  mh_transfer *t = ((mh_http_slot *)user)->transfer;
  if (up != t->uploaded) moved(t);
  t->uploaded = up;
  see_whether_sent(t);
  return 0;
}

/* "HTTP/1.1 200 OK": the number, or 0. */
static int status_in(const char *line, size_t n) {
  const char *space = memchr(line, ' ', n);
  if (space == NULL || line + n - space < 4) return 0;
  int status = 0;
  for (int i = 1; i <= 3; i++) {
    if (space[i] < '0' || space[i] > '9') return 0;
    status = status * 10 + (space[i] - '0');
  }
  return status;
}

static void on_head_end(mh_transfer *t) {
  if (t->status >= 200 || t->status == 101) {
    t->has_head = true;
    // on_limit goes on with it, when libcurl may be called again.
    if (is_refused_early(t)) mh_timer_start(t->op.loop, &t->limit, t->http->now);
    notify(t);
    return;
  }
  t->status = 0;  // an informational answer: the real one follows
  enter(t, MH_TRANSFER_SENDING);
  see_whether_sent(t);
}

/* Headers behind the body are dropped, but somebody could send them for ever. */
static size_t take_trailer(mh_transfer *t, size_t n) {
  t->trailers += n;
  if (t->trailers <= MAX_HEAD) return n;
  explain(t, MH_HTTP_TOO_LARGE, "the trailers of the answer are over %d bytes", MAX_HEAD);
  return 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *user) {
  mh_transfer *t = ((mh_http_slot *)user)->transfer;
  n *= size;
  moved(t);
  if (t->has_head) return take_trailer(t, n);
  if (t->state != MH_TRANSFER_RECEIVING) enter(t, MH_TRANSFER_RECEIVING);
  if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0) {
    t->status = status_in(bytes, n);
    mh_buf_clear(&t->head);
    return n;
  }
  if (n <= 2 && (bytes[0] == '\r' || bytes[0] == '\n')) {
    on_head_end(t);
    return n;
  }
  if (t->head.len + n > MAX_HEAD) {
    explain(t, MH_HTTP_TOO_LARGE, "the headers of the answer are over %d bytes", MAX_HEAD);
    return 0;
  }
  if (mh_buf_append(&t->head, bytes, n) == 0) return n;
  explain(t, MH_HTTP_NO_MEMORY, "no memory for the headers of the answer");
  return 0;
}

static void refuse_body(mh_transfer *t) {
  explain(t, MH_HTTP_TOO_LARGE, "the body of the answer is over %llu bytes (limit: max_body)",
          (unsigned long long)t->max_body);
}

/* Looks at the announced length: too long, or room for all of it, so that the body need not be moved
 * while it grows. */
static void begin_body(mh_transfer *t) {
  curl_off_t length = -1;
  curl_easy_getinfo(t->slot->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  if (length > 0 && (uint64_t)length > t->max_body) refuse_body(t);
  else if (length > 0 && !t->is_streamed)
    mh_buf_reserve(&t->body, length < MAX_RESERVED ? (size_t)length : MAX_RESERVED);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user) {
  mh_transfer *t = ((mh_http_slot *)user)->transfer;
  n *= size;
  moved(t);
  if (n == 0) return 0;
  if (t->is_streamed && t->body.len >= MH_HTTP_HIGH_WATER) {
    t->is_receive_paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (n > t->max_body - t->received) refuse_body(t);
  else if (t->received == 0) begin_body(t);
  if (t->reason != MH_HTTP_OK) return 0;
  if (mh_buf_append(&t->body, bytes, n) != 0) {
    explain(t, MH_HTTP_NO_MEMORY, "no memory for the body of the answer");
    return 0;
  }
  t->received += n;
  notify(t);
  return n;
}

/* ---- life --------------------------------------------------------------------------------- */

static void on_op_cancel(mh_op *op) {
  mh_transfer_stop((mh_transfer *)((char *)op - offsetof(mh_transfer, op)));
}

static void set_defaults(mh_transfer *t) {
  t->connect_timeout = CONNECT_TIMEOUT;
  t->stall_timeout = STALL_TIMEOUT;
  t->timeout = TIMEOUT;
  t->max_body = MAX_BODY;
}

void mh_transfer_init(mh_transfer *t, mh_http *http, mh_mem *mem) {
  memset(t, 0, sizeof *t);
  t->http = http;
  mh_op_init(&t->op, http->loop, "an HTTP answer", on_op_cancel);
  t->limit.on_timer = on_limit;
  mh_buf_init(&t->text, mem);
  mh_buf_init(&t->segments, mem);
  mh_buf_init(&t->head, mem);
  mh_buf_init(&t->body, mem);
  mh_buf_init(&t->message, mem);
  set_defaults(t);
}

void mh_transfer_fini(mh_transfer *t) {
  mh_transfer_stop(t);
  mh_buf_fini(&t->text);
  mh_buf_fini(&t->segments);
  mh_buf_fini(&t->head);
  mh_buf_fini(&t->body);
  mh_buf_fini(&t->message);
}

static mh_buf emptied(mh_buf b) {
  if (b.cap > KEPT_MEMORY) mh_buf_fini(&b);
  else mh_buf_clear(&b);
  return b;
}

void mh_transfer_reset(mh_transfer *t) {
  mh_transfer_stop(t);
  mh_transfer old = *t;
  mh_transfer_init(t, old.http, NULL);
  t->text = emptied(old.text);
  t->segments = emptied(old.segments);
  t->head = emptied(old.head);
  t->body = emptied(old.body);
  t->message = emptied(old.message);
}

void mh_transfer_start(mh_transfer *t) {
  t->state = MH_TRANSFER_QUEUED;
  t->op.loop->open_handles++;
  mh_http_enqueue(t->http, t);
}

static void on_admission(mh_transfer *t) {
  uint64_t now = t->http->now = mh_loop_now(t->op.loop);
  t->connect_due = mh_clock_after(now, t->connect_timeout);
  t->total_due = mh_clock_after(now, t->timeout);
  enter(t, MH_TRANSFER_CONNECTING);
}

bool mh_transfer_is_open(const mh_transfer *t) {
  return t->state != MH_TRANSFER_NEW && t->state != MH_TRANSFER_OVER;
}

void mh_transfer_stop(mh_transfer *t) {
  if (t->op.is_open) {
    t->op.on_cancel = NULL;
    mh_op_cancel(&t->op);
    t->op.on_cancel = on_op_cancel;
  }
  if (!mh_transfer_is_open(t)) return;
  explain(t, MH_HTTP_CLOSED, "it was closed before it was over");
  leave(t);
  mh_http_admit(t->http);
}

/* ---- streams ------------------------------------------------------------------------------ */

int mh_transfer_send(mh_transfer *t, const char *bytes, size_t n) {
  if (t->length >= 0 && n > (uint64_t)(t->length - t->given)) return MOONHERD_EINVAL;
  if (t->state == MH_TRANSFER_OVER) return MOONHERD_ECLOSED;
  t->given += (int64_t)n;
  t->chunk = bytes;
  t->chunk_left = n;
  if (n > 0) unpause_sending(t);
  return 0;
}

int mh_transfer_send_end(mh_transfer *t) {
  if (t->length >= 0 && t->given != t->length) return MOONHERD_EINVAL;
  t->is_complete = true;
  see_whether_sent(t);
  unpause_sending(t);
  return 0;
}

void mh_transfer_took(mh_transfer *t, size_t n) {
  mh_buf_consume(&t->body, n);
  if (!t->is_receive_paused || t->body.len > LOW_WATER) return;
  t->is_receive_paused = false;
  if (t->slot != NULL) unpause(t);
}

/* ---- the engine --------------------------------------------------------------------------- */

static const mh_http_events EVENTS = {
    .on_admission = on_admission,
    .on_done = on_done,
    .on_close = mh_transfer_stop,
    .on_header = on_header,
    .on_body = on_body,
    .on_read = on_read,
    .on_progress = on_progress,
    .on_request = on_request,
};

mh_http *mh_http_of(mh_host *host) {
  return host->http != NULL ? host->http : mh_http_new(host, &EVENTS);
}

const char *mh_http_version(void) {
  return curl_version();
}
