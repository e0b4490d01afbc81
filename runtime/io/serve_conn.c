/* A connection of the HTTP server: its limits on the loop's clock, being held and watched, its end.
 * See serve_parts.h. */
#include <linux/sockios.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "io/serve_parts.h"
#include "moonherd.h"

static const double LINGER_TIME = 5;

enum { SAMPLES = 8 }; /* looks at a reader within its stall_timeout */

/* ---- watching ----------------------------------------------------------------------------- */

static void unwatch(mh_conn *c) {
  if (c->is_watched) uv_poll_stop(&c->watch);
  c->is_watched = false;
}

/* libmicrohttpd waits for news of its sockets, and takes it that a short read was the last: it misses
 * the end of a client that comes together with bytes. Being resumed makes it read again. */
static void nudge(mh_conn *c) {
  mh_conn_hold(c);
  mh_conn_release(c);
  mh_conn_watch(c, UV_DISCONNECT);  // the bytes may be read first, and the end missed again
}

static void on_watch(uv_poll_t *watch, int status, int events) {
  mh_conn *c = watch->data;
  mh_loop_event(c->server->loop);
  if (c->writer != NULL) {
    c->writer->on_event(c, status, events);
  } else if (c->phase == PHASE_SEND) {  // a reader has made room, see check_reader
    c->moved_at = mh_loop_now(c->server->loop);
    unwatch(c);
  } else if (!c->is_held) {
    nudge(c);
  } else if (status < 0 || (events & UV_DISCONNECT) != 0) {
    mh_conn_end(c, MOONHERD_ECLOSED);
  }
}

bool mh_conn_has_ended(const mh_conn *c) {
  char byte;
  return recv(c->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* A client that has shut down its sending side while a handler is at work counts as gone, since
 * nearly always it has closed both. */
bool mh_conn_watch(mh_conn *c, int events) {
  if (!c->has_watch) {
    if (uv_poll_init(&c->server->loop->uv, &c->watch, c->fd) != 0) return false;
    c->watch.data = c;
    c->has_watch = true;
    c->server->handles++;
  }
  c->is_watched = uv_poll_start(&c->watch, events, on_watch) == 0;
  return c->is_watched;
}

void mh_conn_hold(mh_conn *c) {
  if (c->is_held) return;
  unwatch(c);
  MHD_suspend_connection(c->mhd);
  c->is_held = true;
}

void mh_conn_release(mh_conn *c) {
  if (!c->is_held) return;
  c->is_held = false;
  // libuv and libmicrohttpd must not both have the descriptor in their sets.
  unwatch(c);
  MHD_resume_connection(c->mhd);
  mh_server_want_run(c->server);
}

/* ---- limits ------------------------------------------------------------------------------- */

static double seconds_of(const mh_conn *c, mh_phase phase) {
  const mh_server_options *o = &c->server->options;
  switch (phase) {
    case PHASE_HEAD: return o->header_timeout;
    case PHASE_IDLE: return o->idle_timeout;
    case PHASE_BODY: return o->stall_timeout;
    case PHASE_SEND: return o->stall_timeout / SAMPLES;
    case PHASE_WAIT: return HUGE_VAL;
    case PHASE_LINGER: break;
  }
  return LINGER_TIME;
}

/* When to watch for a client that goes away without libmicrohttpd noticing. What is over sooner is
 * not watched: that saves four system calls. */
static double watch_after(mh_phase phase) {
  switch (phase) {
    case PHASE_HEAD:
    case PHASE_BODY:
    case PHASE_WAIT: return 0.05;
    case PHASE_IDLE: return 1;
    default: return HUGE_VAL;
  }
}

/* The timer is left alone when it fires too early: it is then set anew, once, however often the limit
 * has moved meanwhile. */
static void set_due(mh_conn *c, uint64_t due) {
  c->due = due;
  if (due == MH_NEVER) return;
  if (!mh_timer_is_running(&c->timer) || c->timer.due > due)
    mh_timer_start(c->server->loop, &c->timer, due);
}

static void set_limit(mh_conn *c, uint64_t limit) {
  c->limit = limit;
  set_due(c, limit);
}

void mh_conn_enter(mh_conn *c, mh_phase phase) {
  if (!c->is_held) unwatch(c);
  c->phase = phase;
  c->mark = c->received;
  c->moved_at = mh_loop_now(c->server->loop);
  c->has_sample = false;
  c->limit = mh_clock_after(c->moved_at, seconds_of(c, phase));
  uint64_t watch_at = mh_clock_after(c->moved_at, watch_after(phase));
  set_due(c, watch_at < c->limit ? watch_at : c->limit);
}

void mh_conn_received(mh_conn *c, size_t n) {
  c->received += n;
  c->moved_at = mh_loop_now(c->server->loop);
}

/* A window has passed. The next one starts where bytes last came, so that a sender that stops is cut
 * off one window later, and one that trickles when a window brings too little. */
static void check_sender(mh_conn *c) {
  const mh_server_options *o = &c->server->options;
  uint64_t n = c->received - c->mark;
  if (n == 0 || (double)n < o->stall_timeout * o->min_rate) {
    mh_conn_end(c, MOONHERD_ETIMEOUT);
    return;
  }
  c->mark = c->received;
  set_limit(c, mh_clock_after(c->moved_at, o->stall_timeout));
}

static int unread_by(const mh_conn *c) {
  int queued = 0;
  return ioctl(c->fd, SIOCOUTQ, &queued) == 0 ? queued : 0;
}

/* libmicrohttpd does not say how far it has got, so we ask the system now and then. A client that
 * reads changes what the system still holds for it, or, when that is filled up again at once, makes
 * the socket writable in between. */
static void check_reader(mh_conn *c) {
  double window = c->server->options.stall_timeout;
  uint64_t now = mh_loop_now(c->server->loop);
  int sample = unread_by(c);
  if (c->has_sample && sample != c->sample) c->moved_at = now;
  c->sample = sample;
  c->has_sample = true;
  if (now >= mh_clock_after(c->moved_at, window)) {
    mh_conn_end(c, MOONHERD_ETIMEOUT);
    return;
  }
  if (!c->is_watched && c->writer == NULL) mh_conn_watch(c, UV_WRITABLE);
  set_limit(c, mh_clock_after(now, window / SAMPLES));
}

static void on_limit(mh_timer *timer) {
  mh_conn *c = (mh_conn *)((char *)timer - offsetof(mh_conn, timer));
  if (c->due == MH_NEVER) return;
  if (c->due > mh_loop_now(c->server->loop)) {
    set_due(c, c->due);
    return;
  }
  if (c->limit > c->due) {
    mh_conn_watch(c, UV_DISCONNECT);
    set_due(c, c->limit);
    return;
  }
  c->due = MH_NEVER;
  switch (c->phase) {
    case PHASE_WAIT: break;
    case PHASE_BODY: check_sender(c); break;
    case PHASE_SEND: check_reader(c); break;
    default: mh_conn_end(c, MOONHERD_ETIMEOUT);
  }
}

/* ---- beginning and end -------------------------------------------------------------------- */

void mh_conn_end(mh_conn *c, int status) {
  c->due = MH_NEVER;
  if (c->request != NULL) mh_request_gone(c->request, status);
  if (!c->is_cut) shutdown(c->fd, SHUT_RDWR);
  c->is_cut = true;
  mh_conn_release(c);
  mh_server_want_run(c->server);
}

/* Taking away the address of a TCP connection sends a reset at once. Other sockets are shut down,
 * which looks the same to a client that waits. */
void mh_conn_reset(mh_conn *c) {
  const struct sockaddr none = {.sa_family = AF_UNSPEC};
  if (!c->is_cut) c->is_cut = connect(c->fd, &none, sizeof none) == 0;
  mh_conn_end(c, MOONHERD_ECLOSED);
}

static mh_conn *open_conn(mh_server *s, struct MHD_Connection *mhd) {
  mh_conn *c = calloc(1, sizeof *c);
  if (c == NULL) return NULL;
  c->server = s;
  c->mhd = mhd;
  c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  c->timer.on_timer = on_limit;
  c->next = s->conns;
  if (c->next != NULL) c->next->prev = c;
  s->conns = c;
  s->conn_count++;
  mh_conn_enter(c, PHASE_HEAD);
  return c;
}

static void on_watch_closed(uv_handle_t *handle) {
  mh_conn *c = handle->data;
  mh_server_closed(c->server);
  free(c);
}

/* Called before libmicrohttpd closes the socket. */
static void close_conn(mh_conn *c) {
  mh_server *s = c->server;
  mh_timer_stop(s->loop, &c->timer);
  if (c->prev != NULL) c->prev->next = c->next;
  else s->conns = c->next;
  if (c->next != NULL) c->next->prev = c->prev;
  if (c->writer != NULL) c->writer->on_close(c->writer);
  c->writer = NULL;
  mh_server_lost(s);
  if (c->has_watch) uv_close((uv_handle_t *)&c->watch, on_watch_closed);
  else free(c);
}

void mh_conn_notify(void *server, struct MHD_Connection *mhd, void **context,
                    enum MHD_ConnectionNotificationCode code) {
  if (code == MHD_CONNECTION_NOTIFY_STARTED) *context = open_conn(server, mhd);
  else if (*context != NULL) close_conn(*context);
}
