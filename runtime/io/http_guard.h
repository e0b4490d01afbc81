/* What a guard is asked about a transfer. URLs are taken apart by libcurl itself, in the way it does
 * when it sends them: nobody reads them in another way. */
#ifndef MH_HTTP_GUARD_H
#define MH_HTTP_GUARD_H

#include "core/guard.h"
#include "io/http.h"

/* NULL, or the hint of the refusal: see guard.h. For a transfer that is described and not started. */
const char *mh_http_refusal(const mh_guard *guard, const mh_transfer *t);

/* Whether it goes over the socket of an embedded platform of this handle. */
bool mh_http_is_platform(const mh_transfer *t);

/* Whether the environment's credential may go to a URL: see guard.h. */
bool mh_http_gets_credential(const mh_guard *guard, const char *url);

/* Takes the URL of an API apart. 0, MOONHERD_EINVAL or MOONHERD_ENOMEM. */
int mh_api_place_set(mh_api_place *place, const char *url);

#endif
