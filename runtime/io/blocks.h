/* Work on many bytes, off the loop thread: a function is fed one block after the other on a worker
 * thread while a task waits. Stopping waits for the block under way (a tenth of a millisecond), so
 * the bytes and the state belong to the caller again at once, whoever owns them: a Lua string on the
 * stack of the task needs no copy. Knows nothing of Lua. */
#ifndef MH_BLOCKS_H
#define MH_BLOCKS_H

#include <stddef.h>

#include "core/op.h"

/* Bytes of a block; a multiple of 3 and 4, for base64. All but the last are as long. */
enum { MH_BLOCK_SIZE = 48 * 1024 };

/* On a worker thread. Returns 0 or MOONHERD_E…, which ends the work. */
typedef int mh_block_function(void *state, const void *bytes, size_t n);

typedef struct mh_blocks {
  mh_op op;                  /* wait for it; its status is that of the work */
  struct mh_blocks_job *job; /* NULL: nothing is under way */
} mh_blocks;

void mh_blocks_init(mh_blocks *b, mh_loop *loop, const char *what); /* `what` as for mh_op_init */
/* Opens the operation. `bytes` and `state` must stay until it is done or cancelled. Returns 0 or
 * MOONHERD_ENOMEM; then it is not open. */
int mh_blocks_start(mh_blocks *b, const void *bytes, size_t n, mh_block_function *on_block,
                    void *state);
void mh_blocks_fini(mh_blocks *b); /* stops what is under way */

#endif
