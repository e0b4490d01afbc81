/* The memory account. See mem.h. */
#include "core/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { RESERVE = 8 /* of the limit, the part that is one in so many */ };

/* What tests want refused. */
static bool must_fail(mh_mem *mem) {
  if (mem->fail_at == 0 || --mem->fail_at > 0) return false;
  if (mem->fail_run == 0) {
    mem->fail_at = mem->fail_again;
  } else {
    mem->fail_run -= mem->fail_run != SIZE_MAX;
    mem->fail_at = 1;
  }
  return true;
}

bool mh_mem_refuses(mh_mem *mem, size_t old_size, size_t size) {
  if (size == 0) return false;
  if (must_fail(mem)) return true;
  if (size <= old_size || mem->limit == 0) return false;
  size_t grown = size - old_size, limit = mem->limit;
  if (mem->is_reserve_open) limit += limit / RESERVE;
  return mem->used > limit || grown > limit - mem->used;
}

void mh_mem_count(mh_mem *mem, size_t old_size, size_t size) {
  mem->used = mem->used - old_size + size;
  if (mem->used > mem->peak) mem->peak = mem->used;
  if (mem->used < mem->limit - mem->limit / RESERVE) mem->is_reserve_open = false;
}

void mh_mem_open_reserve(mh_mem *mem) {
  mem->is_reserve_open = true;
}

size_t mh_mem_left(const mh_mem *mem) {
  if (mem->limit == 0) return SIZE_MAX;
  return mem->used < mem->limit ? mem->limit - mem->used : 0;
}

void *mh_mem_realloc(mh_mem *mem, void *ptr, size_t old_size, size_t size) {
  if (ptr == NULL) old_size = 0;
  if (mem != NULL && mh_mem_refuses(mem, old_size, size)) return NULL;
  void *moved = NULL;
  if (size == 0) free(ptr);
  else moved = realloc(ptr, size);
  if (mem != NULL && (moved != NULL || size == 0)) mh_mem_count(mem, old_size, size);
  return moved;
}
