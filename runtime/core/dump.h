/* Dumps: what every task of a realm waits for, how long, where it is and where it was made. Runs no
 * Lua and allocates nothing in it, so that it may be called at any moment, from callbacks too. */
#ifndef MH_DUMP_H
#define MH_DUMP_H

#include "core/buf.h"
#include "core/realm.h"

/* One line a task, the oldest first. 0 or MOONHERD_ENOMEM. */
int mh_dump(const mh_realm *realm, mh_buf *out);

/* The same as lines of the log, whatever level passes; a last one says how many there are. */
int mh_dump_to_log(const mh_realm *realm);

#endif
