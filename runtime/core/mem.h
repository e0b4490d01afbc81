/* A memory account: counts the bytes that one handle holds and refuses to pass a limit.
 * Lua states allocate through it, and so do the buffers that carry request and response bodies.
 * An account belongs to one loop thread; worker threads use plain malloc. */
#ifndef MH_MEM_H
#define MH_MEM_H

#include <stdbool.h>
#include <stddef.h>

typedef struct mh_mem {
  size_t used;          /* bytes held now */
  size_t peak;          /* the most ever held */
  size_t limit;         /* 0: none */
  bool is_reserve_open; /* an eighth above the limit may be held too */

  /* For tests: requests that are refused though there is memory. */
  size_t fail_at;    /* the n-th request from now on, counting down; 0: none */
  size_t fail_run;   /* and this many after it; SIZE_MAX: all */
  size_t fail_again; /* then `fail_at` starts again from here */
} mh_mem;

/* realloc with an account. `mem` may be NULL: then nothing is counted. `size` 0 frees and returns
 * NULL. Returns NULL, and leaves `ptr` alone, when the limit or the system refuses. */
void *mh_mem_realloc(mh_mem *mem, void *ptr, size_t old_size, size_t size);

/* The two halves of it for an allocator of its own: whether a block of `old_size` bytes may become one
 * of `size`, and that it did. */
bool mh_mem_refuses(mh_mem *mem, size_t old_size, size_t size);
void mh_mem_count(mh_mem *mem, size_t old_size, size_t size);

/* For tasks that end: telling each of them takes memory, and where none is left every request is
 * paid with a whole collection of garbage. Open until that has freed enough. */
void mh_mem_open_reserve(mh_mem *mem);

/* Bytes that may still be held; SIZE_MAX when there is no limit. For work in another thread, which is
 * counted when it is done. */
size_t mh_mem_left(const mh_mem *mem);

#endif
