/* Small blocks of memory for one Lua state. Lua frees them by the hundred when it collects, more
 * than malloc keeps at hand, and always says how large a block was: so a list for each size serves
 * it in a few instructions and without a header.
 *
 * Small blocks go back to the system when the pool ends, never before: a state that was large once
 * keeps what it used. Large ones are malloc's business. */
#ifndef MH_POOL_H
#define MH_POOL_H

#include <stddef.h>

enum { MH_POOL_LARGEST = 512, MH_POOL_GRAIN = 16 }; /* bytes */

typedef struct mh_pool {
  struct mh_pool_free *free[MH_POOL_LARGEST / MH_POOL_GRAIN]; /* by size */
  struct mh_pool_slab *slabs;
  char *next, *end; /* of the newest slab: what was never used */
} mh_pool;

void mh_pool_init(mh_pool *pool);
void mh_pool_fini(mh_pool *pool);

/* As realloc; `old_size` is that of `ptr`, and `size` 0 frees. */
void *mh_pool_realloc(mh_pool *pool, void *ptr, size_t old_size, size_t size);

#endif
