/* SQLite behind operations: each open file has one writer thread and a few reader threads, so that
 * the loop thread never waits for a disk. Knows nothing of Lua. All functions belong to the loop
 * thread.
 *
 * What runs is a job: a list of statements. These verbs do the work:
 *   read   all statements on one snapshot, on a reader thread;
 *   page   the next rows of one statement, which stays on its snapshot from page to page;
 *   write  all statements in order in one savepoint, on the writer thread. A statement that misses
 *          its expectation, or fails, rolls its own list back and no other.
 * The writer takes every list that waits, runs them in one transaction and answers after the
 * commit. No transaction is open across a wait, but for those of the verbs
 *   begin, commit   the transaction is the writer's until it is committed or left: its own jobs,
 *          reads too, are run in it at once, each write in a savepoint; all other writes wait.
 *
 *   idle --submit--> queued --thread--> taken --loop--> done
 *                       \--cancel--> idle  \--cancel: dropped, stopped or applied; then done
 *
 * Cancelling is mh_op_cancel on the job's operation. A list that no thread has taken yet is never
 * run. One that was taken is applied as a whole or not at all; nobody learns which. */
#ifndef MH_STORE_H
#define MH_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/guard.h"
#include "core/host.h"
#include "io/store_job.h"

typedef struct mh_stores mh_stores;

typedef struct mh_store_options {
  unsigned readers;   /* reader threads; 0: 2. Counts for the first to open a path */
  uint64_t lock_wait; /* ns to wait for another process's lock; 0: 5 s. Likewise */
  bool makes_folders; /* those above the file, when they are missing. Likewise */
  bool is_temporary;  /* the file goes with the store, and nothing of it has to last. Likewise */
  /* Of the first to open a path; then links in it are not followed, and missing folders not made.
   * Each opener asks it for himself. */
  const mh_guard *guard;
} mh_store_options;

/* The open stores of a handle; made when first asked for. NULL without memory. */
mh_stores *mh_stores_of(mh_host *host);

/* The store of a path: a path that is open already in this handle is shared. Touches no file: submit
 * a job MH_STORE_OPEN and wait for it before any other, and release the store when it fails. Fails
 * with MOONHERD_ENOMEM (memory or threads). */
int mh_store_acquire(mh_stores *stores, const char *path, const mh_store_options *options,
                     mh_store **store);

/* The last release ends the store: queued jobs are still run, then the threads end. `ended` is a job
 * MH_STORE_CLOSE that is done when that has happened (at once when others use the store), or NULL. */
void mh_store_release(mh_store *store, mh_store_job *ended);

/* One more user of the store, who releases it too. */
void mh_store_keep(mh_store *store);

/* Rolls a transaction back, unless it was committed; jobs of it that have not run fail, with the
 * reason rolled_back. Nothing when it has not begun, or is over. A begin that was cancelled and has
 * succeeded all the same is left without this. */
void mh_store_leave(mh_store *store, uint64_t transaction);

const char *mh_store_path(const mh_store *store);

#endif
