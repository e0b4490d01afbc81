/* The listening socket of an HTTP server. */
#ifndef MH_SERVE_LISTEN_H
#define MH_SERVE_LISTEN_H

#include <sys/stat.h>

#include "io/serve_options.h"

typedef struct mh_listener {
  int fd;
  unsigned port;
  char *unix_path;
  struct stat unix_file; /* of the socket that we made: only that one is removed */
} mh_listener;

/* *why: see mh_server_open. */
int mh_listener_open(mh_listener *l, const mh_server_options *options, const char **why);
void mh_listener_close(mh_listener *l); /* the socket is closed by its owner; removes the file */

#endif
