/* Running libmicrohttpd, and what the server counts: connections, handles, requests. Its end is up to
 * serve.c, which is told when the last connection has gone. See serve_parts.h. */
#include <stdlib.h>

#include "io/serve_parts.h"

/* Answers need two runs of libmicrohttpd each, long bodies many more. */
enum { RUNS_PER_PASS = 4 };

static void on_idle(uv_idle_t *idle) {
  (void)idle;  // an active idle handle keeps the loop from sleeping: that is all it is for
}

static bool has_pending(struct MHD_Daemon *daemon) {
  MHD_UNSIGNED_LONG_LONG ms;
  return MHD_get_timeout(daemon, &ms) == MHD_YES && ms == 0;
}

static void run(mh_server *s) {
  for (int i = 0; i < RUNS_PER_PASS && s->wants_run; i++) {
    s->wants_run = false;
    MHD_run(s->daemon);
    if (has_pending(s->daemon)) s->wants_run = true;
  }
}

/* Once a pass, behind the descriptors and before the tasks. */
static void on_check(uv_check_t *check) {
  mh_server *s = check->data;
  mh_loop_event(s->loop);
  run(s);
  if (s->is_stopping && s->conn_count == 0) {
    s->on_empty(s);
  } else if (!s->wants_run) {
    uv_idle_stop(&s->idle);
    uv_check_stop(&s->check);
  }
}

void mh_server_want_run(mh_server *s) {
  if (s->daemon == NULL) return;
  s->wants_run = true;
  uv_idle_start(&s->idle, on_idle);
  uv_check_start(&s->check, on_check);
}

/* ---- counting ----------------------------------------------------------------------------- */

void mh_server_free_unused(mh_server *s) {
  if (!s->is_freed || s->handles > 0 || s->requests > 0) return;
  free(s);
}

void mh_server_closed(mh_server *s) {
  if (--s->handles == 0) s->loop->open_handles--;
  mh_server_free_unused(s);
}

void mh_server_lost(mh_server *s) {
  // Whoever waits in the backlog is let in by the run after the one that lost a connection.
  if (s->conn_count-- == s->options.max_connections || s->is_stopping) mh_server_want_run(s);
}
