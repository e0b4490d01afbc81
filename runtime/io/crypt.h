/* Sealing: AES-256-GCM with a random nonce. A sealed text is nonce, ciphertext, tag. Knows nothing of
 * Lua. With one key, seal no more than 2^32 texts: nonces are 96 random bits. */
#ifndef MH_CRYPT_H
#define MH_CRYPT_H

#include <stddef.h>

enum {
  MH_SEAL_KEY_SIZE = 32,
  MH_SEAL_NONCE_SIZE = 12,
  MH_SEAL_TAG_SIZE = 16,
  MH_SEAL_OVERHEAD = MH_SEAL_NONCE_SIZE + MH_SEAL_TAG_SIZE
};

/* `with` is not part of the sealed text, but opening needs the same bytes: what the text belongs to.
 * `out` has room for n + MH_SEAL_OVERHEAD bytes. Returns 0, MOONHERD_EINVAL when a length is above
 * INT_MAX, MOONHERD_EIO without random bytes, MOONHERD_ENOMEM. */
int mh_seal(const unsigned char key[MH_SEAL_KEY_SIZE], const void *text, size_t n, const void *with,
            size_t with_n, unsigned char *out);

/* `out` has room for n - MH_SEAL_OVERHEAD bytes; what it holds after a failure is not to be used.
 * Returns MOONHERD_EPROTO when the key, `with` or any byte of `sealed` is not what it was. */
int mh_seal_open(const unsigned char key[MH_SEAL_KEY_SIZE], const void *sealed, size_t n,
                 const void *with, size_t with_n, unsigned char *out);

#endif
