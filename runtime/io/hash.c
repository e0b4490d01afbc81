/* Hashes and random bytes. See hash.h. */
#include "io/hash.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "io/codec.h"
#include "moonherd.h"

static int result(int is_good) {
  return is_good == 1 ? 0 : MOONHERD_ENOMEM;
}

int mh_sha256(const void *bytes, size_t n, unsigned char out[MH_SHA256_SIZE]) {
  return result(EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL));
}

int mh_hmac_sha256(const void *key, size_t key_n, const void *bytes, size_t n,
                   unsigned char out[MH_SHA256_SIZE]) {
  mh_digest d;
  int e = mh_digest_init_hmac(&d, key, key_n);
  if (e == 0) e = mh_digest_update(&d, bytes, n);
  if (e == 0) e = mh_digest_value(&d, out);
  mh_digest_fini(&d);
  return e;
}

int mh_digest_init(mh_digest *d) {
  d->mac = NULL;
  d->md = EVP_MD_CTX_new();
  return result(d->md != NULL && EVP_DigestInit_ex(d->md, EVP_sha256(), NULL));
}

int mh_digest_init_hmac(mh_digest *d, const void *key, size_t key_n) {
  static const unsigned char NO_KEY[1];  // NULL would mean the key of before
  char name[] = "SHA256";
  OSSL_PARAM params[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, sizeof name - 1),
      OSSL_PARAM_construct_end(),
  };
  EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
  d->md = NULL;
  d->mac = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
  EVP_MAC_free(mac);
  return result(d->mac != NULL && EVP_MAC_init(d->mac, key_n > 0 ? key : NO_KEY, key_n, params));
}

int mh_digest_update(mh_digest *d, const void *bytes, size_t n) {
  if (d->mac != NULL) return result(EVP_MAC_update(d->mac, bytes, n));
  return result(EVP_DigestUpdate(d->md, bytes, n));
}

int mh_digest_copy(mh_digest *d, const mh_digest *from) {
  if (d->md == NULL) d->md = EVP_MD_CTX_new();
  return result(d->md != NULL && EVP_MD_CTX_copy_ex(d->md, from->md));
}

int mh_digest_end(mh_digest *d, unsigned char out[MH_SHA256_SIZE]) {
  return result(EVP_DigestFinal_ex(d->md, out, NULL));
}

static int mac_value(const EVP_MAC_CTX *mac, unsigned char *out) {
  EVP_MAC_CTX *copy = EVP_MAC_CTX_dup(mac);
  size_t n;
  int e = result(copy != NULL && EVP_MAC_final(copy, out, &n, MH_SHA256_SIZE));
  EVP_MAC_CTX_free(copy);
  return e;
}

int mh_digest_value(const mh_digest *d, unsigned char out[MH_SHA256_SIZE]) {
  if (d->mac != NULL) return mac_value(d->mac, out);
  EVP_MD_CTX *copy = EVP_MD_CTX_new();
  int e = result(copy != NULL && EVP_MD_CTX_copy_ex(copy, d->md) &&
                 EVP_DigestFinal_ex(copy, out, NULL));
  EVP_MD_CTX_free(copy);
  return e;
}

void mh_digest_fini(mh_digest *d) {
  EVP_MD_CTX_free(d->md);
  EVP_MAC_CTX_free(d->mac);
  d->md = NULL;
  d->mac = NULL;
}

int mh_random(void *out, size_t n) {
  if (n > INT_MAX) return MOONHERD_EINVAL;
  return RAND_bytes(out, (int)n) == 1 ? 0 : MOONHERD_EIO;
}

int mh_uuid(char out[MH_UUID_LENGTH + 1]) {
  static const size_t GROUPS[] = {4, 2, 2, 2, 6};
  unsigned char bytes[16];
  int e = mh_random(bytes, sizeof bytes);
  if (e != 0) return e;
  bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40);  // version 4
  bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);  // the variant of RFC 9562
  const unsigned char *p = bytes;
  for (size_t i = 0; i < sizeof GROUPS / sizeof GROUPS[0]; p += GROUPS[i++]) {
    mh_hex_encode(p, GROUPS[i], out);
    out += 2 * GROUPS[i];
    *out++ = '-';
  }
  out[-1] = '\0';
  return 0;
}

bool mh_equal(const void *a, size_t a_n, const void *b, size_t b_n) {
  return a_n == b_n && CRYPTO_memcmp(a, b, a_n) == 0;
}
