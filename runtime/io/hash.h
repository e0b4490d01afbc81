/* SHA-256 and HMAC-SHA-256, at once or piece by piece, random bytes, UUIDs, comparison in constant
 * time. libcrypto does the work. Knows nothing of Lua; all of it may run on any thread. */
#ifndef MH_HASH_H
#define MH_HASH_H

#include <stdbool.h>
#include <stddef.h>

enum { MH_SHA256_SIZE = 32, MH_UUID_LENGTH = 36 };

/* Each returns 0, or MOONHERD_ENOMEM when libcrypto cannot do it. */
int mh_sha256(const void *bytes, size_t n, unsigned char out[MH_SHA256_SIZE]);
int mh_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                   unsigned char out[MH_SHA256_SIZE]);

/* A hash that is fed piece by piece; embedded in its owner. */
typedef struct mh_digest {
  struct evp_md_ctx_st *md;   /* of a plain hash */
  struct evp_mac_ctx_st *mac; /* of one with a key */
} mh_digest;

int mh_digest_init(mh_digest *d);
int mh_digest_init_hmac(mh_digest *d, const void *key, size_t key_n);
/* Makes `d` the hash of what `from` was fed so far; `d` may be zeroed, or a hash used before. Only for
 * plain hashes; much cheaper than a new one. */
int mh_digest_copy(mh_digest *d, const mh_digest *from);
int mh_digest_update(mh_digest *d, const void *bytes, size_t n);
/* Ends a plain hash, which may only be copied to or freed afterwards. */
int mh_digest_end(mh_digest *d, unsigned char out[MH_SHA256_SIZE]);
/* The hash of what was fed so far; more may be fed afterwards. */
int mh_digest_value(const mh_digest *d, unsigned char out[MH_SHA256_SIZE]);
void mh_digest_fini(mh_digest *d); /* a zeroed one is allowed */

/* Random bytes fit for keys. Returns 0 or MOONHERD_EIO. */
int mh_random(void *out, size_t n);
/* A random UUID (version 4) in lower case, with a zero byte behind it. */
int mh_uuid(char out[MH_UUID_LENGTH + 1]);

/* Takes as long for equal as for different bytes of one length. */
bool mh_equal(const void *a, size_t a_n, const void *b, size_t b_n);

#endif
