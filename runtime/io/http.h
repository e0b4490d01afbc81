/* HTTP transfers on libcurl's multi-socket interface: one engine a host, any number of transfers.
 * Keeps connections and easy handles for reuse, meters how many transfers are open and how many
 * start in one step, and measures its limits on the loop's clock. Knows nothing of Lua.
 *
 * A transfer is described (http_text.h), started, and waited for through its op
 * (mh_transfer_want_for). What fails is a result, not a return value: the transfer is over, with a
 * reason and a message. */
#ifndef MH_HTTP_H
#define MH_HTTP_H

#include "core/host.h"
#include "io/http_text.h"
#include "io/http_transfer.h"

/* The engine of a host, made at the first call; it ends with the host. NULL without memory. */
mh_http *mh_http_of(mh_host *host);

const char *mh_http_reason_name(mh_http_reason reason); /* "timeout_connect", … */

/* Whether the same request may be sent again and fare better: because nothing of it has left, or
 * because it asks for no change. */
bool mh_transfer_is_retryable(const mh_transfer *t);

/* Transfers are embedded in their owner. `mem` accounts for the bytes they hold; may be NULL. */
void mh_transfer_init(mh_transfer *t, mh_http *http, mh_mem *mem);
void mh_transfer_fini(mh_transfer *t);  /* ends whatever it does */
void mh_transfer_reset(mh_transfer *t); /* as after init, but keeps some memory for the next use */

void mh_transfer_start(mh_transfer *t);
void mh_transfer_stop(mh_transfer *t);          /* at once; wakes nobody */
bool mh_transfer_is_open(const mh_transfer *t); /* started, not over yet */

/* Opens the op, which is done when what is wanted is there. Cancelling it stops the transfer. */
void mh_transfer_want_for(mh_transfer *t, mh_transfer_want want);

/* The next bytes of a pulled body; they must stay until MH_WANT_ROOM is fulfilled. MOONHERD_EINVAL:
 * more than announced; MOONHERD_ECLOSED: it is over, or the server answered without the rest. */
int mh_transfer_send(mh_transfer *t, const char *bytes, size_t n);
int mh_transfer_send_end(mh_transfer *t); /* MOONHERD_EINVAL: less than announced */

/* Drops `n` bytes from the front of `body`; reading goes on when little is left. */
void mh_transfer_took(mh_transfer *t, size_t n);

/* libcurl and what it is made of: "libcurl/7.88.1 OpenSSL/3.0.15 …". libcurl writes it anew for every
 * call, to a place that all threads share: ask only when somebody wants to know. */
const char *mh_http_version(void);

#endif
