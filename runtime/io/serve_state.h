/* What an HTTP server, its connections and its requests are made of: for the files of the server. */
#ifndef MH_SERVE_STATE_H
#define MH_SERVE_STATE_H

#include <microhttpd.h>

#include "core/loop.h"
#include "io/serve_listen.h"
#include "io/serve_request.h"

typedef struct mh_server mh_server;
typedef struct mh_conn mh_conn;

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
  void (*on_empty)(mh_server *s); /* stopping: the last connection has gone */
  mh_request *spare;              /* for reuse */
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
  bool must_close;  /* the connection ends behind the answer */
  bool is_bad;      /* to be refused */
  bool is_old;      /* HTTP/1.0 */
  bool is_unframed; /* a stream that ends with the connection */
};

/* What a connection is doing, and so which limit holds. */
typedef enum mh_phase {
  PHASE_HEAD,   /* the client sends a request's head: header_timeout */
  PHASE_IDLE,   /* nothing: idle_timeout */
  PHASE_BODY,   /* the client sends a body: stall_timeout, min_rate */
  PHASE_WAIT,   /* suspended, it is our turn: no limit, but watched */
  PHASE_SEND,   /* the client reads an answer: stall_timeout */
  PHASE_LINGER, /* the answer is sent, the client may still be sending: LINGER_TIME */
} mh_phase;

/* Who writes to the socket of a suspended connection in the place of libmicrohttpd. */
typedef struct mh_writer mh_writer;
struct mh_writer {
  void (*on_event)(mh_conn *c, int status, int events); /* what mh_conn_watch was asked for */
  void (*on_close)(mh_writer *self);                    /* the connection has gone */
};

struct mh_conn {
  mh_server *server;
  mh_conn *next, *prev; /* of server->conns */
  struct MHD_Connection *mhd;
  mh_request *request; /* NULL between requests */
  mh_writer *writer;   /* of an answer that we write ourselves; NULL: libmicrohttpd writes */
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

#endif
