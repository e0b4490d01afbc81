/* What the files of the HTTP server use of each other, each only of those above it here. serve_state.h
 * is what they share, serve_listen.c makes the socket; serve.c, which opens and closes, uses all.
 *
 * libmicrohttpd is used without threads and without timeouts. Its rules that shape this code:
 *  - It works only inside MHD_run, so every change asks for one (mh_server_want_run), and all
 *    changes of a pass share it.
 *  - A connection must be suspended whenever it waits for us, or MHD_run becomes a busy loop. While
 *    suspended it sees neither its client's leave nor its own timeout: we watch and count.
 *  - An answer is taken only before the body (then it cuts the client off) or behind it. Between, we
 *    write it to the socket ourselves.
 *  - A connection is ended from outside by shutting its socket down. */
#ifndef MH_SERVE_PARTS_H
#define MH_SERVE_PARTS_H

#include "io/serve_state.h"

enum {
  HIGH_WATER = 256 * 1024,        /* bytes of a body, either way, at which its sender is held */
  LOW_WATER = 64 * 1024,          /* … and at which it may go on */
  DROP_LIMIT = 1024 * 1024,       /* bytes that are read and dropped for the sake of an answer */
  SMALL_REST = 64 * 1024,         /* a rest of a body worth dropping to keep the connection */
  POOL_BEYOND_HEADERS = 16 * 1024 /* libmicrohttpd's memory per connection, beside header_limit */
};

/* ---- serve_run.c: running libmicrohttpd, counting */
void mh_server_want_run(mh_server *s);
void mh_server_lost(mh_server *s);        /* a connection has gone */
void mh_server_closed(mh_server *s);      /* a handle of libuv has closed */
void mh_server_free_unused(mh_server *s); /* when nothing of it is left, and it is to be freed */

/* ---- serve_request.c: the life of a request */
mh_request *mh_request_new(mh_server *s); /* NULL without memory */
void mh_request_unref(mh_request *r);
void mh_request_destroy(mh_request *r);
void mh_request_deliver(mh_request *r);  /* into the queue of the server */
void mh_request_unqueue(mh_request *r);  /* out of it: the caller has its reference now */
void mh_request_withdraw(mh_request *r); /* nothing when it is not in the queue */
void mh_request_gone(mh_request *r, int status);

/* ---- serve_conn.c: a connection */
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

/* ---- serve_answer.c: what an answer is made of */
bool mh_is_token(const char *s, size_t n);
bool mh_answer_is_framing(const mh_header *h); /* a header that the server sets itself */
bool mh_answer_has(const mh_answer *a, const char *name);
bool mh_answer_wants_close(const mh_answer *a);
size_t mh_answer_total(const mh_answer *a);
void mh_answer_release(const mh_answer *a);
bool mh_answer_is_bodyless(const mh_request *r, unsigned status);
const char *mh_answer_date(mh_server *s); /* "Tue, 24 Nov 2026 04:21:00 GMT" */

/* ---- serve_early.c: an answer before the end of the body */
int mh_early_start(mh_request *r, const mh_answer *answer);

/* ---- serve_send.c: what goes out */
enum MHD_Result mh_answer_queue(mh_request *r); /* hands r->response to libmicrohttpd */

/* ---- serve_receive.c: what comes in */
void *mh_request_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result mh_request_on_access(void *server, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *bytes,
                                     size_t *n, void **request);
void mh_request_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                             enum MHD_RequestTerminationCode code);

#endif
