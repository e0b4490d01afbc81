/* Prepared statements of one connection by their SQL text; the least recently used goes first. */
#ifndef MH_STORE_CACHE_H
#define MH_STORE_CACHE_H

#include <sqlite3.h>
#include <stddef.h>

enum { MH_STORE_CACHE_MOST = 128, MH_STORE_CACHE_BUCKETS = 256 };

typedef struct mh_store_cached mh_store_cached;

typedef struct mh_store_cache {
  mh_store_cached *buckets[MH_STORE_CACHE_BUCKETS];
  mh_store_cached *newest, *oldest;
  unsigned count;
} mh_store_cache;

void mh_store_cache_init(mh_store_cache *cache);
void mh_store_cache_fini(mh_store_cache *cache); /* finalizes all statements */

sqlite3_stmt *mh_store_cache_find(mh_store_cache *cache, const char *sql, size_t n); /* or NULL */

/* Takes over `stmt`. When the cache is full, the statement not used for longest is finalized: none
 * may be in use. Returns SQLITE_OK, or SQLITE_NOMEM and has finalized `stmt`. */
int mh_store_cache_add(mh_store_cache *cache, const char *sql, size_t n, sqlite3_stmt *stmt);

#endif
