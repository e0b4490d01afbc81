/* The beginning and the end of realms. Those in a state of somebody else begin in attach.h. */
#ifndef MH_REALM_LIFE_H
#define MH_REALM_LIFE_H

#include "core/realm.h"

/* Makes a state with the standard libraries and the functions of `coroutine` replaced. NULL without
 * memory. `memory_limit` 0: none. */
mh_realm *mh_realm_new(mh_host *host, size_t memory_limit, unsigned max_tasks);
void mh_realm_free(mh_realm *realm); /* ends all tasks at once; cancel and step first to be kind */

#endif
