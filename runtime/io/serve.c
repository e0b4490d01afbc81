/* The HTTP server: opening, handing requests out, closing. See serve.h. */
#include "io/serve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/serve_parts.h"
#include "moonherd.h"

const mh_server_options mh_server_defaults = {
    .header_limit = 32 * 1024,
    .body_limit = 100 * 1024 * 1024,
    .max_connections = 1024,
    .header_timeout = 10,
    .idle_timeout = 60,
    .stall_timeout = 30,
    .min_rate = 240,
};

/* ---- ending libmicrohttpd ----------------------------------------------------------------- */

static void on_closed(uv_handle_t *handle) {
  mh_server_closed(handle->data);
}

static void stop_listening(mh_server *s) {
  int fd = MHD_quiesce_daemon(s->daemon);
  if (fd >= 0) close(fd);
  mh_listener_close(&s->listener);
}

/* Ends libmicrohttpd and with it all connections, suspended ones included. */
static void finish_stop(mh_server *s) {
  if (!s->is_stopping) stop_listening(s);
  s->is_stopping = true;
  struct MHD_Daemon *daemon = s->daemon;
  s->daemon = NULL;  // nothing asks for a run any more
  // Closed before libmicrohttpd closes the descriptor that is watched.
  uv_close((uv_handle_t *)&s->poll, on_closed);
  uv_close((uv_handle_t *)&s->check, on_closed);
  uv_close((uv_handle_t *)&s->idle, on_closed);
  for (mh_conn *c = s->conns; c != NULL; c = c->next) mh_conn_release(c);
  MHD_stop_daemon(daemon);
  mh_op_ready(&s->accept, MOONHERD_ECLOSED);
  mh_op_ready(&s->stopped, 0);
}

/* ---- opening ------------------------------------------------------------------------------ */

/* Targets stay as they were sent. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text) {
  (void)cls;
  (void)connection;
  return strlen(text);
}

static struct MHD_Daemon *start_daemon(mh_server *s) {
  // MHD_ALLOW_SUSPEND_RESUME brings an eventfd that is written at every resume, for MHD_run in
  // another thread. Ours asks for a run itself.
  unsigned flags = MHD_USE_EPOLL | MHD_USE_SUPPRESS_DATE_NO_CLOCK |
                   ((unsigned)MHD_ALLOW_SUSPEND_RESUME & ~(unsigned)MHD_USE_ITC);
  return MHD_start_daemon(
      flags, 0, NULL, NULL, mh_request_on_access, s, MHD_OPTION_LISTEN_SOCKET, s->listener.fd,
      MHD_OPTION_CONNECTION_LIMIT, s->options.max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
      s->options.header_limit + POOL_BEYOND_HEADERS, MHD_OPTION_NOTIFY_CONNECTION, mh_conn_notify,
      s, MHD_OPTION_NOTIFY_COMPLETED, mh_request_on_completed, s, MHD_OPTION_URI_LOG_CALLBACK,
      mh_request_on_target, s, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_END);
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  (void)status;
  (void)events;
  mh_server_want_run(poll->data);
}

static int watch_daemon(mh_server *s) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
  if (info == NULL || uv_poll_init(&s->loop->uv, &s->poll, info->epoll_fd) != 0) return -1;
  uv_check_init(&s->loop->uv, &s->check);
  uv_idle_init(&s->loop->uv, &s->idle);
  s->poll.data = s->check.data = s->idle.data = s;
  s->handles = 3;
  s->loop->open_handles++;
  uv_poll_start(&s->poll, UV_READABLE, on_poll);
  return 0;
}

int mh_server_open(mh_loop *loop, const mh_server_options *options, mh_server **server,
                   const char **why) {
  mh_server *s = calloc(1, sizeof *s);
  *why = "cannot_listen";
  if (s == NULL) return MOONHERD_ENOMEM;
  s->loop = loop;
  s->options = *options;
  s->date_second = -1;
  s->on_empty = finish_stop;
  mh_op_init(&s->accept, loop, "a request", NULL);
  mh_op_init(&s->stopped, loop, "the server to close", NULL);
  int e = mh_listener_open(&s->listener, options, why);
  s->options.host = s->options.unix_path = NULL;  // the caller's
  if (e != 0) goto fail;
  s->daemon = start_daemon(s);
  if (s->daemon == NULL) {
    close(s->listener.fd);
    goto fail_listener;
  }
  if (watch_daemon(s) != 0) {
    MHD_stop_daemon(s->daemon);  // closes the socket
    goto fail_listener;
  }
  *server = s;
  return 0;
fail_listener:
  mh_listener_close(&s->listener);
  e = MOONHERD_EIO;
fail:
  free(s);
  return e;
}

unsigned mh_server_port(const mh_server *server) {
  return server->listener.port;
}

/* ---- the queue ---------------------------------------------------------------------------- */

mh_op *mh_server_accept(mh_server *s) {
  if (s->accept.is_open) return NULL;
  mh_op_start(&s->accept);
  if (s->queue_head != NULL) mh_op_ready(&s->accept, 0);
  else if (s->is_stopping || s->daemon == NULL) mh_op_ready(&s->accept, MOONHERD_ECLOSED);
  return &s->accept;
}

mh_request *mh_server_take(mh_server *s) {
  mh_request *r = s->queue_head;
  if (r != NULL) mh_request_unqueue(r);
  return r;
}

/* ---- closing ------------------------------------------------------------------------------ */

static void free_spare(mh_server *s) {
  while (s->spare != NULL) {
    mh_request *r = s->spare;
    s->spare = r->queue_next;
    mh_request_destroy(r);
  }
  s->spare_count = 0;
}

static void refuse_untaken(mh_server *s) {
  mh_answer answer = {.status = MHD_HTTP_SERVICE_UNAVAILABLE};
  mh_request *r;
  while ((r = mh_server_take(s)) != NULL) {
    mh_request_answer(r, &answer);
    mh_request_drop(r);
  }
}

mh_op *mh_server_stop(mh_server *s) {
  if (s->stopped.is_open) return NULL;
  mh_op_start(&s->stopped);
  if (s->daemon == NULL) {
    mh_op_ready(&s->stopped, 0);
    return &s->stopped;
  }
  if (s->is_stopping) return &s->stopped;
  stop_listening(s);
  s->is_stopping = true;
  refuse_untaken(s);
  mh_op_ready(&s->accept, MOONHERD_ECLOSED);
  for (mh_conn *c = s->conns; c != NULL; c = c->next)
    if (c->phase == PHASE_IDLE || c->phase == PHASE_HEAD) mh_conn_end(c, MOONHERD_ECLOSED);
  if (s->conn_count == 0) finish_stop(s);
  return &s->stopped;
}

void mh_server_abort(mh_server *s) {
  if (s->daemon != NULL) finish_stop(s);
}

void mh_server_free(mh_server *s) {
  if (s == NULL) return;
  mh_server_abort(s);
  mh_request *r;
  while ((r = mh_server_take(s)) != NULL) mh_request_unref(r);
  free_spare(s);
  s->is_freed = true;
  mh_server_free_unused(s);
}
