/* Sealing. See crypt.h. */
#include "io/crypt.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

#include "io/hash.h"
#include "moonherd.h"

static bool are_too_long(size_t n, size_t with_n) {
  return n > INT_MAX || with_n > INT_MAX;
}

static bool encrypt(EVP_CIPHER_CTX *c, const unsigned char *key, const void *text, size_t n,
                    const void *with, size_t with_n, unsigned char *out) {
  unsigned char *nonce = out, *cipher = out + MH_SEAL_NONCE_SIZE, *tag = cipher + n;
  int written;
  return EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
         EVP_EncryptUpdate(c, NULL, &written, with, (int)with_n) == 1 &&
         EVP_EncryptUpdate(c, cipher, &written, text, (int)n) == 1 &&
         EVP_EncryptFinal_ex(c, tag, &written) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, MH_SEAL_TAG_SIZE, tag) == 1;
}

int mh_seal(const unsigned char key[MH_SEAL_KEY_SIZE], const void *text, size_t n, const void *with,
            size_t with_n, unsigned char *out) {
  if (are_too_long(n, with_n)) return MOONHERD_EINVAL;
  int e = mh_random(out, MH_SEAL_NONCE_SIZE);
  if (e != 0) return e;
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  bool is_good = c != NULL && encrypt(c, key, text, n, with, with_n, out);
  EVP_CIPHER_CTX_free(c);
  return is_good ? 0 : MOONHERD_ENOMEM;
}

/* Sets *is_ready when nothing but the tag can be wrong any more. */
static bool decrypt(EVP_CIPHER_CTX *c, const unsigned char *key, const unsigned char *sealed,
                    size_t n, const void *with, size_t with_n, unsigned char *out, bool *is_ready) {
  const unsigned char *cipher = sealed + MH_SEAL_NONCE_SIZE;
  unsigned char tag[MH_SEAL_TAG_SIZE];
  memcpy(tag, cipher + n, sizeof tag);
  int written;
  *is_ready = EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, sealed) == 1 &&
              EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, MH_SEAL_TAG_SIZE, tag) == 1 &&
              EVP_DecryptUpdate(c, NULL, &written, with, (int)with_n) == 1 &&
              EVP_DecryptUpdate(c, out, &written, cipher, (int)n) == 1;
  return *is_ready && EVP_DecryptFinal_ex(c, tag, &written) == 1;
}

int mh_seal_open(const unsigned char key[MH_SEAL_KEY_SIZE], const void *sealed, size_t n,
                 const void *with, size_t with_n, unsigned char *out) {
  if (n < MH_SEAL_OVERHEAD) return MOONHERD_EPROTO;
  n -= MH_SEAL_OVERHEAD;
  if (are_too_long(n, with_n)) return MOONHERD_EINVAL;
  EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
  bool is_ready = false;
  bool is_good = c != NULL && decrypt(c, key, sealed, n, with, with_n, out, &is_ready);
  EVP_CIPHER_CTX_free(c);
  if (is_good) return 0;
  return is_ready ? MOONHERD_EPROTO : MOONHERD_ENOMEM;
}
