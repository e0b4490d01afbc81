/* The guard of a handle: what its scripts may do, fixed for the life of the handle. It is asked where
 * processes, files, listeners and transfers start; what it does not grant is refused. Knows nothing of
 * Lua; see guarded.h. Never changes once it is made: any thread may ask.
 *
 * The questions return NULL when it is allowed, else the hint of the error: a static line that names
 * the member of the guard in the way. A guard of NULL allows everything. */
#ifndef MH_GUARD_H
#define MH_GUARD_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mh_strings {
  char **items;
  size_t count;
} mh_strings;

/* Where the API is: scheme, host and port as libcurl gives them, and what its paths begin with. */
typedef struct mh_api_place {
  char *scheme, *host, *port, *prefix;
} mh_api_place;

typedef struct mh_guard {
  bool has_accounts, has_namespaces; /* false: all of them */
  mh_strings accounts, namespaces;   /* namespaces: patterns, * stands for any letters */
  mh_strings read, write;            /* real paths of folders; what may be written may be read */
  bool is_read_only, allows_processes, allows_network;
  mh_api_place api; /* host NULL: only the embedded platform */
  char *state;      /* the folder of the embedded platform */
} mh_guard;

/* A request as it is about to be sent. */
typedef struct mh_guard_request {
  const char *method, *scheme, *host, *port;
  const char *path;  /* as it is sent, without the query */
  bool has_own_host; /* a Host header, or one that asks for another method */
  bool is_platform;  /* over the socket of an embedded platform of this handle */
  bool is_unix;      /* over any other unix socket */
} mh_guard_request;

const char *mh_guard_process(const mh_guard *guard);
const char *mh_guard_listen(const mh_guard *guard);
const char *mh_guard_request_refusal(const mh_guard *guard, const mh_guard_request *request);

/* Whether a variable of the environment is a credential: the client's, and not for scripts. With
 * processes, which would tell it, nothing is hidden. */
bool mh_guard_hides(const mh_guard *guard, const char *variable, size_t n);

/* Whether a client may send the environment's credential along. Where it is hidden, only to the API:
 * with "network": "any" a script could name a place of its own. */
bool mh_guard_gives_credential(const mh_guard *guard, const mh_guard_request *request);

/* Whether what a real path leads to is inside of the folders of `read` or `write`, and, when it is to
 * be changed, no file that SQLite keeps beside a database. */
const char *mh_guard_real_path(const mh_guard *guard, const char *real_path, bool is_write);

void mh_guard_free(mh_guard *guard);

#endif
