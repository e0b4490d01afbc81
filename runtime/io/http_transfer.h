/* What a transfer is made of. See http.h for what can be done with one.
 *
 *   new --start--> queued -> connecting -> sending -> waiting -> receiving -> over
 *
 * Its limits, in seconds (HUGE_VAL: none), measured from the admission on; the queue is free:
 *
 *   connect_timeout  until the connection stands (name, TCP, TLS)
 *   stall_timeout    without a byte in either direction, while the request is sent and while the
 *                    answer arrives. It rests when the next move is our own (a body not yet
 *                    produced, a stream not read) and between the last byte of the request and the
 *                    first of the answer: how long a server may think is up to
 *   timeout          for everything */
#ifndef MH_HTTP_TRANSFER_H
#define MH_HTTP_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_http mh_http;
typedef struct mh_http_slot mh_http_slot;
typedef struct mh_transfer mh_transfer;

/* A streamed answer is read from its socket while fewer bytes than these wait in `body`. */
enum { MH_HTTP_HIGH_WATER = 256 * 1024 };

typedef enum mh_http_reason {
  MH_HTTP_OK,
  MH_HTTP_TIMEOUT_CONNECT,
  MH_HTTP_TIMEOUT_STALL,
  MH_HTTP_TIMEOUT_TOTAL,
  MH_HTTP_BAD_URL,
  MH_HTTP_DNS_FAILED,
  MH_HTTP_CONNECT_FAILED,
  MH_HTTP_TLS_FAILED,
  MH_HTTP_SEND_FAILED,
  MH_HTTP_CONNECTION_RESET,
  MH_HTTP_PROTOCOL,
  MH_HTTP_TOO_LARGE,
  MH_HTTP_NO_MEMORY,
  MH_HTTP_CLOSED /* by mh_transfer_stop, before it was over */
} mh_http_reason;

typedef enum mh_transfer_state {
  MH_TRANSFER_NEW,
  MH_TRANSFER_QUEUED,
  MH_TRANSFER_CONNECTING,
  MH_TRANSFER_SENDING,
  MH_TRANSFER_WAITING,
  MH_TRANSFER_RECEIVING,
  MH_TRANSFER_OVER
} mh_transfer_state;

typedef enum mh_transfer_want {
  MH_WANT_END,
  MH_WANT_HEAD, /* status and headers of the answer are there, or it is over */
  MH_WANT_DATA, /* something is in `body`, or it is over */
  MH_WANT_ROOM  /* the bytes of mh_transfer_send are taken, or it is over */
} mh_transfer_want;

typedef enum mh_text_place {
  MH_TEXT_METHOD,
  MH_TEXT_URL,
  MH_TEXT_UNIX_SOCKET, /* the socket to connect to, whatever host the URL names */
  MH_TEXT_CA_FILE,     /* certificates to trust instead of the system's, PEM */
  MH_TEXT_CERT_FILE,   /* client certificate and its key, PEM */
  MH_TEXT_KEY_FILE,
  MH_TEXT_COUNT
} mh_text_place;

struct mh_transfer {
  mh_op op;
  mh_http *http;
  mh_http_slot *slot;       /* the easy handle, while it is open */
  mh_transfer *next, *prev; /* in the queue */
  mh_transfer_state state;
  mh_transfer_want want;

  /* The request. */
  double connect_timeout, stall_timeout, timeout;
  uint64_t max_body;              /* bytes of the answer's body, decoded */
  mh_buf text;                    /* zero-ended: the texts, then the header lines */
  uint32_t places[MH_TEXT_COUNT]; /* where the texts begin, plus 1; 0: not given */
  uint32_t lines, line_count;     /* where the header lines begin */
  bool is_streamed;               /* the answer's body is taken piece by piece */
  bool has_content_type, has_body, is_pulled;
  bool is_complete;       /* of a pulled body: mh_transfer_send_end was called */
  mh_buf segments;        /* array of mh_segment */
  size_t segment, offset; /* what libcurl takes next */
  const char *chunk;      /* of a pulled body: what libcurl takes next */
  size_t chunk_left;
  int64_t length;   /* of the body; -1: unknown */
  int64_t given;    /* of a pulled body: bytes given to mh_transfer_send */
  int64_t uploaded; /* bytes of the body that libcurl has written to the connection */

  /* The answer. */
  int status;        /* 0 until a final answer begins */
  size_t trailers;   /* bytes of headers behind the body */
  bool has_head;     /* `head` is complete */
  mh_buf head;       /* the lines as they came, without the status line and the empty one */
  mh_buf body;       /* what is not yet taken */
  uint64_t received; /* bytes of the body so far */

  /* Progress. */
  mh_timer limit; /* due with the nearest limit, or before */
  uint64_t connect_due, total_due;
  uint64_t moved_at; /* when a byte last moved */
  long sent_before;  /* bytes that had left before the request itself did: to a proxy */
  bool is_send_paused, is_receive_paused, was_attempted;

  /* The result. */
  bool was_sent; /* at least one byte of the request may have left */
  mh_http_reason reason;
  mh_buf message; /* what happened, unless MH_HTTP_OK */
};

#endif
