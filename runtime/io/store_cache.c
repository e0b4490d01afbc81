/* Prepared statements by SQL text. See store_cache.h. */
#include "io/store_cache.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct mh_store_cached {
  mh_store_cached *chain; /* next in the bucket */
  mh_store_cached *newer, *older;
  sqlite3_stmt *stmt;
  uint64_t hash;
  size_t n;
  char sql[];
};

/* Eight bytes at a time: statements are a few hundred bytes long and looked up for every use. */
static uint64_t hash_of(const char *sql, size_t n) {
  uint64_t hash = n;
  for (size_t i = 0; i < n; i += 8) {
    uint64_t word = 0;
    memcpy(&word, sql + i, n - i < 8 ? n - i : 8);
    hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    hash ^= hash >> 32;
  }
  return hash;
}

static mh_store_cached **bucket_of(mh_store_cache *cache, uint64_t hash) {
  return &cache->buckets[hash % MH_STORE_CACHE_BUCKETS];
}

static void leave_order(mh_store_cache *cache, mh_store_cached *entry) {
  if (entry->newer != NULL) entry->newer->older = entry->older;
  else cache->newest = entry->older;
  if (entry->older != NULL) entry->older->newer = entry->newer;
  else cache->oldest = entry->newer;
}

static void enter_order(mh_store_cache *cache, mh_store_cached *entry) {
  entry->newer = NULL;
  entry->older = cache->newest;
  if (cache->newest != NULL) cache->newest->newer = entry;
  else cache->oldest = entry;
  cache->newest = entry;
}

static void drop(mh_store_cache *cache, mh_store_cached *entry) {
  mh_store_cached **link = bucket_of(cache, entry->hash);
  while (*link != entry) link = &(*link)->chain;
  *link = entry->chain;
  leave_order(cache, entry);
  cache->count--;
  sqlite3_finalize(entry->stmt);
  free(entry);
}

void mh_store_cache_init(mh_store_cache *cache) {
  memset(cache, 0, sizeof *cache);
}

void mh_store_cache_fini(mh_store_cache *cache) {
  while (cache->oldest != NULL) drop(cache, cache->oldest);
}

sqlite3_stmt *mh_store_cache_find(mh_store_cache *cache, const char *sql, size_t n) {
  uint64_t hash = hash_of(sql, n);
  mh_store_cached *entry = *bucket_of(cache, hash);
  while (entry != NULL && (entry->hash != hash || entry->n != n || memcmp(entry->sql, sql, n) != 0))
    entry = entry->chain;
  if (entry == NULL) return NULL;
  if (entry != cache->newest) {
    leave_order(cache, entry);
    enter_order(cache, entry);
  }
  return entry->stmt;
}

int mh_store_cache_add(mh_store_cache *cache, const char *sql, size_t n, sqlite3_stmt *stmt) {
  mh_store_cached *entry = malloc(sizeof *entry + n);
  if (entry == NULL) {
    sqlite3_finalize(stmt);
    return SQLITE_NOMEM;
  }
  if (cache->count == MH_STORE_CACHE_MOST) drop(cache, cache->oldest);
  entry->hash = hash_of(sql, n);
  entry->stmt = stmt;
  entry->n = n;
  memcpy(entry->sql, sql, n);
  mh_store_cached **bucket = bucket_of(cache, entry->hash);
  entry->chain = *bucket;
  *bucket = entry;
  enter_order(cache, entry);
  cache->count++;
  return SQLITE_OK;
}
