/* What the tests of the HTTP server share: a loop on a virtual clock that stands still unless it is
 * told to move, a server, and clients on raw sockets that the same thread drives. */
#ifndef SERVE_FIXTURE_H
#define SERVE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/serve.h"

enum { CLIENTS = 64 };

typedef struct client {
  int fd;
  mh_buf in;      /* what it has received and not taken */
  bool is_closed; /* by the server, in whatever way */
} client;

typedef struct fixture {
  mh_loop loop;
  mh_server_options options; /* change before open_server */
  mh_server *server;
  client clients[CLIENTS];
  size_t client_count;
  int fds; /* open before the test */
  char folder[64];
} fixture;

int server_warm_up(void **state); /* once: libuv opens descriptors that stay */
int server_set_up(void **state);
int server_tear_down(void **state); /* fails when anything is left open */

void open_server(fixture *f);
void step(fixture *f);
void settle(fixture *f);                  /* lets everything happen that needs no time */
void advance(fixture *f, double seconds); /* lets time pass */
int count_fds(void);

/* Steps until the expression is true; the test fails when that does not happen. */
#define UNTIL(f, expression)                                                       \
  do {                                                                             \
    int tries_ = 0;                                                                \
    while (!(expression)) try_again(f, tries_++, #expression, __FILE__, __LINE__); \
  } while (0)
void try_again(fixture *f, int tries, const char *what, const char *file, int line);

client *connect_client(fixture *f);
void put(client *c, const char *text);
size_t put_some(client *c, const char *bytes, size_t n); /* what the socket takes */
void put_all(fixture *f, client *c, const char *bytes, size_t n);
void hang_up(client *c, bool is_reset);
bool has(client *c, const char *text); /* received so far */
bool has_bytes(client *c, size_t n);
bool is_closed(client *c);
void expect(fixture *f, client *c,
            const char *text);             /* waits for it, then takes all up to its end */
void expect_closed(fixture *f, client *c); /* waits; nothing more may have come */
void get(client *c, const char *target);

mh_request *take(fixture *f); /* the next request: waits */
bool nothing_to_take(fixture *f);
void answer(mh_request *r, unsigned status, const char *body);
int try_answer(mh_request *r, unsigned status, const char *body);
void finish(mh_request *r, unsigned status, const char *body); /* answers and drops */
const char *header_of(const mh_request *r, const char *name);  /* the first; NULL: none */

/* Reads once; waits. Returns the status; *n has the bytes that are there. */
int read_some(fixture *f, mh_request *r, size_t *n);
/* Reads to the end, or fails. Returns how many bytes; they are appended to `into` (NULL: dropped). */
size_t read_all(fixture *f, mh_request *r, mh_buf *into);

#endif
