/* What an HTTP server is opened with. */
#ifndef MH_SERVE_OPTIONS_H
#define MH_SERVE_OPTIONS_H

#include <stddef.h>

#include "core/mem.h"

typedef struct mh_server_options {
  const char *host;         /* an IPv4 or IPv6 address, or "localhost"; NULL: 127.0.0.1 */
  unsigned port;            /* 0: the system chooses */
  const char *unix_path;    /* a unix socket (mode 0600) instead of host and port; NULL: none */
  size_t header_limit;      /* bytes of request line and headers; above it: too_large */
  size_t body_limit;        /* bytes of a body; above it: too_large */
  unsigned max_connections; /* open at once; further ones wait in the system's backlog */
  double header_timeout; /* seconds from the connection, or the request line, to the last header */
  double idle_timeout;   /* seconds between an answer and the next request line */
  double stall_timeout;  /* seconds of a window in which a body, either way, must move … */
  unsigned min_rate;     /* … by this many bytes a second */
  mh_mem *mem;           /* account for bodies; NULL: none */
} mh_server_options;

#endif
