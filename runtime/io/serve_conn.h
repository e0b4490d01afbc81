/* A connection of the HTTP server: see serve_parts.h. */
#ifndef MH_SERVE_CONN_H
#define MH_SERVE_CONN_H

#include <microhttpd.h>

#include "io/serve.h"

typedef struct mh_conn mh_conn;
typedef struct mh_early mh_early;

/* What a connection is doing, and so which limit holds. */
typedef enum mh_phase {
  PHASE_HEAD,   /* the client sends a request's head: header_timeout */
  PHASE_IDLE,   /* nothing: idle_timeout */
  PHASE_BODY,   /* the client sends a body: stall_timeout, min_rate */
  PHASE_WAIT,   /* suspended, it is our turn: no limit, but watched */
  PHASE_SEND,   /* the client reads an answer: stall_timeout */
  PHASE_LINGER, /* the answer is sent, the client may still be sending: LINGER_TIME */
} mh_phase;

struct mh_conn {
  mh_server *server;
  mh_conn *next, *prev; /* of server->conns */
  struct MHD_Connection *mhd;
  mh_request *request; /* NULL between requests */
  mh_early *early;     /* an answer that we write ourselves */
  int fd;
  mh_phase phase;
  mh_timer timer;
  uint64_t limit; /* when the time of the phase is over */
  uint64_t due; /* when there is something to do, before or at the limit: the timer may be early */
  uint64_t moved_at; /* when bytes of a body last moved */
  uint64_t received; /* bytes of bodies */
  uint64_t mark;     /* `received` at the start of the window */
  int sample;        /* bytes that the client had not read at the last look */
  bool has_sample;
  uv_poll_t watch;
  bool has_watch; /* initialised: to be closed */
  bool is_watched;
  bool is_held; /* suspended */
  bool is_cut;  /* shut down by us */
};

/* ---- serve_conn.c */
void mh_conn_notify(void *server, struct MHD_Connection *mhd, void **context,
                    enum MHD_ConnectionNotificationCode code);
void mh_conn_enter(mh_conn *c, mh_phase phase);
void mh_conn_received(mh_conn *c, size_t n);
void mh_conn_hold(mh_conn *c);    /* suspend */
void mh_conn_release(mh_conn *c); /* resume */
/* The client has gone, was too slow, or is sent away: tells the request, ends the connection. */
void mh_conn_end(mh_conn *c, int status);
void mh_conn_reset(mh_conn *c);             /* ends it so that the client sees a reset */
bool mh_conn_has_ended(const mh_conn *c);   /* the client has closed its sending side, at least */
bool mh_conn_watch(mh_conn *c, int events); /* while suspended: UV_… */

/* ---- serve_early.c: an answer before the end of the body */
int mh_early_start(mh_request *r, const mh_answer *answer);
void mh_early_event(mh_conn *c, int status, int events);
void mh_early_free(mh_early *e);

#endif
