/* The HTTP server: libmicrohttpd parses and frames, we keep the time, the limits and the order.
 * Bodies are pulled by whoever handles a request, and pushed back on the sender when nobody pulls.
 * Knows nothing of Lua; bindings/serve.c is the only caller.
 *
 *   mh_op_ready(accept) -> mh_server_take -> mh_request_read* -> mh_request_answer
 *                                                            or  mh_request_begin, _write*, _finish
 *
 * Everything is for the thread of the loop. No call waits: what has to be waited for is an mh_op. */
#ifndef MH_SERVE_H
#define MH_SERVE_H

#include "core/loop.h"
#include "core/op.h"
#include "io/serve_options.h"
#include "io/serve_request.h"

typedef struct mh_server mh_server;

extern const mh_server_options mh_server_defaults;

/* Listens. On failure *why is a fixed word: address_in_use, permission, bad_address, path_too_long
 * or cannot_listen; the number of the system's error is in errno. */
int mh_server_open(mh_loop *loop, const mh_server_options *options, mh_server **server,
                   const char **why);
unsigned mh_server_port(const mh_server *server); /* 0 for a unix socket */

/* Starts waiting for a request; done when mh_server_take has one, or with MOONHERD_ECLOSED when the
 * server stops. NULL: somebody waits already. */
mh_op *mh_server_accept(mh_server *server);
mh_request *mh_server_take(mh_server *server); /* the caller's to drop; NULL: none there */

/* Accepts no more, closes idle connections, lets requests be answered. Done when the last connection
 * has gone; NULL: somebody waits already. Requests that nobody took get an empty 503. */
mh_op *mh_server_stop(mh_server *server);

/* Closes at once, whatever is under way. Requests outlive it, without a client. */
void mh_server_abort(mh_server *server);
void mh_server_free(mh_server *server); /* aborts it first; NULL is allowed */

#endif
