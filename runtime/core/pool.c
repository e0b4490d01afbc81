/* Small blocks of memory for one Lua state. See pool.h. */
#include "core/pool.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SLAB = 32 * 1024 };

/* Under AddressSanitizer every block is malloc's, so that it sees where each one ends. */
#if defined(__SANITIZE_ADDRESS__)
enum { LARGEST = 0 };
#else
enum { LARGEST = MH_POOL_LARGEST };
#endif

typedef struct mh_pool_free {
  struct mh_pool_free *next;
} mh_pool_free;

typedef struct mh_pool_slab {
  struct mh_pool_slab *next;
  _Alignas(MH_POOL_GRAIN) char bytes[];
} mh_pool_slab;

static size_t class_of(size_t size) {
  return (size - 1) / MH_POOL_GRAIN;
}

void mh_pool_init(mh_pool *pool) {
  memset(pool, 0, sizeof *pool);
}

void mh_pool_fini(mh_pool *pool) {
  while (pool->slabs != NULL) {
    mh_pool_slab *slab = pool->slabs;
    pool->slabs = slab->next;
    free(slab);
  }
}

static bool is_small(size_t size) {
  return size <= LARGEST;
}

static bool grow(mh_pool *pool) {
  mh_pool_slab *slab = malloc(SLAB);
  if (slab == NULL) return false;
  slab->next = pool->slabs;
  pool->slabs = slab;
  pool->next = slab->bytes;
  pool->end = (char *)slab + SLAB;
  return true;
}

static void *take(mh_pool *pool, size_t size) {
  size_t class = class_of(size), n = (class + 1) * MH_POOL_GRAIN;
  mh_pool_free *block = pool->free[class];
  if (block != NULL) {
    pool->free[class] = block->next;
    // By now it has left the caches, and the next call of this size would wait for it.
    __builtin_prefetch(block->next, 1);
    return block;
  }
  if ((size_t)(pool->end - pool->next) < n && !grow(pool)) return NULL;
  void *fresh = pool->next;
  pool->next += n;
  return fresh;
}

static void give(mh_pool *pool, void *ptr, size_t size) {
  mh_pool_free *block = ptr;
  size_t class = class_of(size);
  block->next = pool->free[class];
  pool->free[class] = block;
}

static void *allocate(mh_pool *pool, size_t size) {
  return is_small(size) ? take(pool, size) : malloc(size);
}

static void release(mh_pool *pool, void *ptr, size_t size) {
  if (is_small(size)) give(pool, ptr, size);
  else free(ptr);
}

static void *move(mh_pool *pool, void *ptr, size_t old_size, size_t size) {
  void *moved = allocate(pool, size);
  if (moved == NULL) return NULL;
  memcpy(moved, ptr, old_size < size ? old_size : size);
  release(pool, ptr, old_size);
  return moved;
}

void *mh_pool_realloc(mh_pool *pool, void *ptr, size_t old_size, size_t size) {
  if (ptr == NULL) return size > 0 ? allocate(pool, size) : NULL;
  if (size == 0) {
    release(pool, ptr, old_size);
    return NULL;
  }
  if (!is_small(old_size) && !is_small(size)) return realloc(ptr, size);
  bool is_same = is_small(old_size) && is_small(size) && class_of(old_size) == class_of(size);
  return is_same ? ptr : move(pool, ptr, old_size, size);
}
