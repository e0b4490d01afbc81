/* Watches folders for changes. Knows nothing of Lua.
 *
 *   mh_watch_new(loop), mh_watch_add(watch, "src"), …
 *   mh_watch_wait(watch);      // opens mh_watch_op(watch), done when something has changed
 *   … mh_watch_changes(watch), which the caller clears …
 *
 * A folder is watched, not what is below its folders. When it is removed it is watched no longer. */
#ifndef MH_WATCH_H
#define MH_WATCH_H

#include <stdbool.h>

#include "core/buf.h"
#include "core/op.h"

typedef struct mh_watch mh_watch;

mh_watch *mh_watch_new(mh_loop *loop); /* NULL without memory */
void mh_watch_free(mh_watch *watch);   /* accepts NULL */

/* 0 or a negative errno; UV_ENOSPC: the user watches as many as the system allows. */
int mh_watch_add(mh_watch *watch, const char *folder);
void mh_watch_remove(mh_watch *watch, const char *folder); /* nothing when it is not watched */

/* Watches nothing any more; who waits is told so. */
void mh_watch_close(mh_watch *watch);
bool mh_watch_is_open(const mh_watch *watch); /* whether it watches anything */

void mh_watch_wait(mh_watch *watch);
mh_op *mh_watch_op(mh_watch *watch);

/* The folder as it was added, a zero byte, the name in it, a zero byte; and so on. A name may come
 * more than once. */
mh_buf *mh_watch_changes(mh_watch *watch);

#endif
