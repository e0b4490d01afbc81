/* Many files in one job off the loop thread: to hash them, or to read them again as base64 between
 * texts, which is what a form of files is. A file that is read again must still have the hash and the
 * size it had. Never holds a file as a whole. Knows nothing of Lua.
 *
 *   mh_pack_init(&pack, loop);
 *   mh_pack_begin(&pack, prefix, n);
 *   … mh_pack_add for every file …
 *   mh_pack_hash(&pack);       // starts pack.op; when it is done: mh_pack_error, mh_pack_get
 *   … or mh_pack_read(&pack)   // the same for one piece of the text; again until mh_pack_has_ended
 *   mh_pack_fini(&pack);
 *
 * A job owns all it works with. When its operation is cancelled it goes on alone, stops soon, and
 * cleans up behind itself. */
#ifndef MH_PACK_H
#define MH_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/guard.h"
#include "core/op.h"

enum { MH_PACK_HASH_SIZE = 16 }; /* the first half of a SHA-256 over prefix, bytes and suffix */

/* What is returned for a file that is another one now; no errno has this value. */
enum { MH_PACK_CHANGED = -100000 };

struct mh_pack_job;

typedef struct mh_pack {
  mh_op op;
  struct mh_pack_job *job; /* NULL: not begun, or cancelled */
  const mh_guard *guard;   /* set it before mh_pack_begin; NULL: none */
} mh_pack;

typedef struct mh_pack_file {
  const char *path;   /* NULL: a text without a file */
  const char *text;   /* in front of the file's base64; only for mh_pack_read */
  const char *suffix; /* part of the hash, behind the bytes */
  size_t path_n, text_n, suffix_n;
  uint64_t size; /* for mh_pack_read what is expected, for mh_pack_hash the result */
  unsigned char hash[MH_PACK_HASH_SIZE];
} mh_pack_file;

void mh_pack_init(mh_pack *pack, mh_loop *loop);
void mh_pack_fini(mh_pack *pack); /* cancels; closes and frees everything */

/* These return 0 or MOONHERD_ENOMEM. They copy what they are given. */
int mh_pack_begin(mh_pack *pack, const char *prefix, size_t n); /* drops what was there */
int mh_pack_add(mh_pack *pack, const mh_pack_file *file);

/* These start pack->op. */
void mh_pack_hash(mh_pack *pack, uint64_t max); /* a file of more than `max` bytes fails */
void mh_pack_read(mh_pack *pack);

/* ---- results: valid when the operation is done ------------------------------------------------- */

int mh_pack_error(const mh_pack *pack); /* 0, a negative errno, or MH_PACK_CHANGED */
const char *mh_pack_failed_path(const mh_pack *pack);
const mh_pack_file *mh_pack_get(const mh_pack *pack, size_t i); /* the i-th, from 0; path and texts
                                                                   are not set */
bool mh_pack_has_ended(const mh_pack *pack); /* there are no more pieces, nor is this one */
const char *mh_pack_piece(const mh_pack *pack, size_t *n);

#endif
