/* What the parts of the HTTP server share: serve.c (listening, the loop, closing), serve_conn.c
 * (connections and their limits), serve_request.c (what comes in), serve_answer.c (what goes out)
 * and serve_early.c (what goes out before all has come in). serve_listen.c makes the socket.
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

#include "io/serve_conn.h"
#include "io/serve_listen.h"

enum {
  HIGH_WATER = 256 * 1024,        /* bytes of a body, either way, at which its sender is held */
  LOW_WATER = 64 * 1024,          /* … and at which it may go on */
  DROP_LIMIT = 1024 * 1024,       /* bytes that are read and dropped for the sake of an answer */
  SMALL_REST = 64 * 1024,         /* a rest of a body worth dropping to keep the connection */
  POOL_BEYOND_HEADERS = 16 * 1024 /* libmicrohttpd's memory per connection, beside header_limit */
};

struct mh_server {
  mh_loop *loop;
  mh_server_options options;
  struct MHD_Daemon *daemon; /* NULL: stopped */
  uv_poll_t poll;
  uv_check_t check;
  uv_idle_t idle;
  unsigned handles;  /* of libuv, not yet closed: the three above and the watches of connections */
  unsigned requests; /* not yet destroyed: they outlive mh_server_free */
  mh_listener listener;
  mh_conn *conns;
  unsigned conn_count;
  mh_request *queue_head, *queue_tail; /* not taken yet */
  mh_op accept, stopped;
  mh_request *spare; /* for reuse */
  unsigned spare_count;
  int64_t date_second; /* of `date` */
  char date[32];
  bool is_stopping, wants_run, is_freed;
};

struct mh_request {
  mh_server *server;
  mh_conn *conn; /* NULL: the client is done with, or gone */
  mh_request *queue_next, *queue_prev;
  unsigned refs; /* libmicrohttpd's, the owner's */
  mh_buf head;   /* target, method, then names and values, all terminated */
  size_t method_at, headers_at;
  int64_t length;
  mh_buf body; /* received, not read */
  uint64_t received, dropped;
  mh_buf out;                    /* written, not sent */
  uint64_t stream_left;          /* bytes of the stated length; MHD_SIZE_UNKNOWN: none stated */
  struct MHD_Response *response; /* waits for the end of the body */
  unsigned status;
  mh_op read, drain;
  void (*on_gone)(void *user);
  void *user;
  int gone; /* 0, or why there is no client: MOONHERD_E… */
  mh_too_large too_large;
  bool is_queued;   /* in server->queue */
  bool has_head;    /* the head is parsed */
  bool has_body;    /* one is announced */
  bool is_open;     /* libmicrohttpd may read the body */
  bool is_complete; /* all of it has come */
  bool is_dropping; /* the rest of the body is of no interest */
  bool is_answered, is_stream, is_finished;
  bool is_done;     /* the answer has been sent */
  bool is_bodyless; /* the answer goes without its body */
  bool is_early;    /* answered by serve_early.c */
  bool must_close;  /* the connection ends behind the answer */
  bool is_bad;      /* to be refused */
  bool is_old;      /* HTTP/1.0 */
  bool is_unframed; /* a stream that ends with the connection */
};

/* ---- serve.c */
void mh_server_want_run(mh_server *s);
void mh_server_deliver(mh_server *s, mh_request *r);
void mh_server_withdraw(mh_server *s, mh_request *r); /* nothing when it is not in the queue */
void mh_server_lost(mh_server *s);                    /* a connection has gone */
void mh_server_closed(mh_server *s);                  /* a handle of libuv has closed */
void mh_server_forget(mh_server *s);                  /* a request has been destroyed */
const char *mh_server_date(mh_server *s);             /* "Tue, 24 Nov 2026 04:21:00 GMT" */

/* ---- serve_request.c */
void *mh_request_on_target(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result mh_request_on_access(void *server, struct MHD_Connection *mhd, const char *url,
                                     const char *method, const char *version, const char *bytes,
                                     size_t *n, void **request);
void mh_request_on_completed(void *server, struct MHD_Connection *mhd, void **request,
                             enum MHD_RequestTerminationCode code);
void mh_request_gone(mh_request *r, int status);
void mh_request_unref(mh_request *r);
void mh_request_destroy(mh_request *r);

/* ---- serve_answer.c */
enum MHD_Result mh_answer_queue(mh_request *r); /* hands r->response to libmicrohttpd */
bool mh_answer_is_bodyless(const mh_request *r, unsigned status);
bool mh_is_token(const char *s, size_t n);
bool mh_answer_is_framing(const mh_header *h); /* a header that the server sets itself */
bool mh_answer_has(const mh_answer *a, const char *name);
size_t mh_answer_total(const mh_answer *a);
void mh_answer_release(const mh_answer *a);

#endif
