/* Pre-emption: a hook that looks at the time, and counts, every thousand instructions of a script.
 *
 *   late, can yield          the task yields where it is and goes to the tail of what is ready
 *   late, cannot yield       it goes on; the log tells it once a step. When the grace is over too, an
 *                            error is raised at every instruction until it can yield, or has ended
 *   over the instructions    the task is closed; where it cannot yield, the same error at once
 *
 * A task yields wherever it could wait, in coroutines of the script too. The modules that are part of
 * the program are not interrupted: they rely on having the realm to themselves between two waits. A
 * cancelled task is told at such a yield as it is at a wait. One call of a C function (string.rep,
 * string.find with a hostile pattern) is one instruction, however long it takes. */
#ifndef MH_PREEMPT_H
#define MH_PREEMPT_H

#include "core/realm.h"

/* Sets the hook for all threads made from now on, and puts the functions of watched.h in the place of
 * Lua's. `max_instructions` 0: none. Runs in protected mode; may raise for memory. */
void mh_preempt_open(lua_State *L, bool is_preempting, uint64_t max_instructions);

/* The Lua code of the realm that runs now raises an error of kind "cancelled", reason "interrupted",
 * once, where the script's own code goes on. Nothing when none runs. For a signal handler on the
 * thread that runs it: lua_sethook is safe there. */
void mh_preempt_interrupt(mh_realm *realm);

/* Likewise, before that, it writes all tasks to the log, itself among them, and goes on. */
void mh_preempt_dump(mh_realm *realm);

#endif
