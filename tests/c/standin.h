/* A stand-in server for tests: raw sockets, a thread for each connection, scripted by a C function
 * that says what is read, sent, awaited and torn down. It checks nothing by itself. */
#ifndef STANDIN_H
#define STANDIN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct standin standin;

/* One connection, as its script sees it. */
typedef struct standin_peer {
  standin *server;
  void *user;
  int fd;
  unsigned number; /* of the connection, from 1 */
  char *bytes;     /* all that was read and not yet dropped */
  size_t len, room;
  const char *head; /* request line and headers of the last request, zero-ended */
  const char *body; /* its body with the frames of chunks removed, zero-ended */
  size_t body_len;
  size_t used; /* bytes of the last request */
} standin_peer;

typedef void standin_script(standin_peer *peer);

/* Listens on 127.0.0.1, or on a unix socket when `path` is not NULL. `script` NULL: connections are
 * made by the system and never accepted, no more than one. */
standin *standin_start(const char *path, standin_script *script, void *user);
void standin_stop(standin *server); /* ends all scripts: their reads and waits return false */
int standin_port(const standin *server);
const char *standin_url(const standin *server);      /* "http://127.0.0.1:PORT" */
unsigned standin_connections(const standin *server); /* accepted so far */
unsigned standin_ended(const standin *server);       /* connections closed so far */
unsigned standin_requests(const standin *server);    /* read by standin_request so far */

/* The script's verbs. False: the client has closed, or the server is to stop. */
bool standin_request(standin_peer *peer);        /* one whole request, body included */
bool standin_head(standin_peer *peer);           /* only its head; the body stays unread */
bool standin_read(standin_peer *peer, size_t n); /* at least n bytes more */
bool standin_send(standin_peer *peer, const char *text);
bool standin_send_bytes(standin_peer *peer, const char *bytes, size_t n);
bool standin_pause(standin_peer *peer,
                   int ms);                  /* real time: the server is another process's clock */
bool standin_until_gone(standin_peer *peer); /* reads and drops until the client closes */
void standin_hang_up(standin_peer *peer);
void standin_reset(standin_peer *peer); /* so that the client sees ECONNRESET */

#endif
