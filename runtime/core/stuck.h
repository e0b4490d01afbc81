/* Tasks that nothing can wake: all that there are wait for each other, in lists that only they would
 * wake and for tasks of their scopes. Such a script would stay silent for ever; it is told instead. */
#ifndef MH_STUCK_H
#define MH_STUCK_H

#include <stdbool.h>

#include "core/realm.h"

/* Makes the oldest task that waits in a list raise an error of reason "deadlock" there, when all tasks
 * are stuck. Returns whether they were. To be asked between two steps, and only where nothing else may
 * reach into the state before the next one. */
bool mh_stuck_tell(mh_realm *realm);

#endif
