/* What the files of the HTTP client share. From the top: http.c is the transfers, http_engine.c drives
 * libcurl, http_setup.c sets easy handles up. For no other file. */
#ifndef MH_HTTP_PRIVATE_H
#define MH_HTTP_PRIVATE_H

#include <curl/curl.h>

#include "core/host.h"
#include "io/http_transfer.h"

typedef struct mh_segment {
  const char *bytes;
  size_t n;
} mh_segment;

/* The options of an easy handle that stay as they are until a request needs another value. */
typedef enum mh_kept {
  MH_KEPT_METHOD,
  MH_KEPT_UNIX_SOCKET,
  MH_KEPT_CA_FILE,
  MH_KEPT_CERT_FILE,
  MH_KEPT_KEY_FILE,
  MH_KEPT_COUNT
} mh_kept;

typedef enum mh_http_kind { MH_KIND_NONE, MH_KIND_PLAIN, MH_KIND_HEAD, MH_KIND_BODY } mh_http_kind;

/* An easy handle with its constant options. It serves one transfer after another. */
struct mh_http_slot {
  mh_http *http;
  mh_http_slot *next; /* among the spare ones */
  mh_transfer *transfer;
  CURL *easy;
  char *kept[MH_KEPT_COUNT];
  mh_http_kind kind;
  bool keeps_pipewait, keeps_long_connect;
  struct curl_slist *nodes; /* the header list, built anew in place for each transfer */
  size_t node_room;
  char *joined; /* a small body of several pieces, in one; NULL until there was one */
  char error[CURL_ERROR_SIZE];
};

/* A descriptor that libuv watches for libcurl. */
typedef struct mh_http_watch {
  uv_poll_t poll;
  mh_http *http;
  curl_socket_t fd;
  int want;           /* CURL_POLL_… bits that libcurl asks for now */
  int armed;          /* the same bits as libuv watches for them; may be more than wanted */
  bool is_connection; /* opened by on_open: closed by on_close and by nobody else */
} mh_http_watch;

typedef struct mh_transfer_list {
  mh_transfer *head, *tail;
  unsigned count;
} mh_transfer_list;

/* What becomes of a transfer, and what libcurl asks of the one whose slot it hands over. The transfers
 * give this to the engine, which knows nothing of them but their place in its lists. */
typedef struct mh_http_events {
  void (*on_admission)(mh_transfer *t); /* it has left the queue, and is about to start */
  void (*on_done)(mh_transfer *t, CURLcode code);
  void (*on_close)(mh_transfer *t); /* the host closes: it must leave */
  curl_write_callback on_header, on_body;
  curl_read_callback on_read;
  curl_xferinfo_callback on_progress;
  curl_prereq_callback on_request;
} mh_http_events;

struct mh_http {
  mh_host *host;
  const mh_http_events *events;
  mh_loop *loop;
  mh_closer closer;
  CURLM *multi;
  mh_timer curl_timer;     /* what libcurl asks for */
  mh_timer held_timer;     /* goes on with the queue in the next step */
  mh_http_watch **watches; /* by descriptor */
  size_t watch_room;
  mh_http_slot *spare;
  unsigned spare_count;
  mh_transfer_list queue; /* waiting to be admitted, oldest first */
  mh_transfer_list open;  /* those that left it */
  unsigned connecting;    /* of the open ones */
  unsigned started;       /* transfers that got one in the step `step` */
  uint64_t step;
  uint64_t now;  /* when libcurl was last entered */
  char *ca_file; /* the system's certificates */
  char *no_proxy;
};

/* http_setup.c */
mh_http_slot *mh_http_slot_new(mh_http *http); /* NULL without memory */
void mh_http_slot_free(mh_http_slot *slot);
CURLcode mh_http_slot_set_up(mh_http_slot *slot, const mh_transfer *t);

/* http_engine.c */
mh_http *mh_http_new(mh_host *host, const mh_http_events *events); /* NULL without memory */
void mh_http_reap(mh_http *http);  /* ends the transfers that libcurl has finished */
void mh_http_admit(mh_http *http); /* starts what waits in the queue, as far as it may */
void mh_http_enqueue(mh_http *http, mh_transfer *t);
void mh_http_leave(mh_http *http, mh_transfer *t); /* out of the queue, or out of libcurl */

#endif
