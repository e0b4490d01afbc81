/* Sealing: a published vector is opened, what was sealed opens, anything changed does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/codec.h"
#include "io/crypt.h"
#include "moonherd.h"

/* Test case 16 of the submission of GCM to NIST. */
static const char KEY[] = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
static const char WITH[] = "feedfacedeadbeeffeedfacedeadbeefabaddad2";
static const char TEXT[] =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
static const char SEALED[] =
    "cafebabefacedbaddecaf888"
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    "76fc6ece0f4e1768cddf8853bb2d551b";

enum { TEXT_SIZE = 60, WITH_SIZE = 20, SEALED_SIZE = TEXT_SIZE + MH_SEAL_OVERHEAD };

typedef struct vector {
  unsigned char key[MH_SEAL_KEY_SIZE], with[WITH_SIZE], text[TEXT_SIZE], sealed[SEALED_SIZE];
} vector;

static vector read_vector(void) {
  vector v;
  assert_true(mh_hex_decode(KEY, sizeof v.key, v.key));
  assert_true(mh_hex_decode(WITH, sizeof v.with, v.with));
  assert_true(mh_hex_decode(TEXT, sizeof v.text, v.text));
  assert_int_equal(strlen(SEALED), 2 * SEALED_SIZE);
  assert_true(mh_hex_decode(SEALED, sizeof v.sealed, v.sealed));
  return v;
}

static void opens_a_published_vector(void **state) {
  (void)state;
  vector v = read_vector();
  unsigned char out[TEXT_SIZE];
  assert_int_equal(mh_seal_open(v.key, v.sealed, SEALED_SIZE, v.with, WITH_SIZE, out), 0);
  assert_memory_equal(out, v.text, TEXT_SIZE);
}

static void opens_what_it_has_sealed(void **state) {
  (void)state;
  vector v = read_vector();
  for (size_t n = 0; n <= TEXT_SIZE; n++) {
    unsigned char sealed[SEALED_SIZE], again[SEALED_SIZE], out[TEXT_SIZE];
    assert_int_equal(mh_seal(v.key, v.text, n, v.with, n % WITH_SIZE, sealed), 0);
    assert_int_equal(mh_seal(v.key, v.text, n, v.with, n % WITH_SIZE, again), 0);
    assert_memory_not_equal(sealed, again, n + MH_SEAL_OVERHEAD);
    assert_int_equal(mh_seal_open(v.key, sealed, n + MH_SEAL_OVERHEAD, v.with, n % WITH_SIZE, out),
                     0);
    assert_memory_equal(out, v.text, n);
  }
}

static void refuses_anything_changed(void **state) {
  (void)state;
  vector v = read_vector();
  unsigned char out[TEXT_SIZE];
  for (size_t i = 0; i < SEALED_SIZE; i++) {
    v.sealed[i] ^= 1;
    assert_int_equal(mh_seal_open(v.key, v.sealed, SEALED_SIZE, v.with, WITH_SIZE, out),
                     MOONHERD_EPROTO);
    v.sealed[i] ^= 1;
  }
  for (size_t n = 0; n < SEALED_SIZE; n++)
    assert_int_equal(mh_seal_open(v.key, v.sealed, n, v.with, WITH_SIZE, out), MOONHERD_EPROTO);
  assert_int_equal(mh_seal_open(v.key, v.sealed, SEALED_SIZE, v.with, WITH_SIZE - 1, out),
                   MOONHERD_EPROTO);
  v.key[31] ^= 0x80;
  assert_int_equal(mh_seal_open(v.key, v.sealed, SEALED_SIZE, v.with, WITH_SIZE, out),
                   MOONHERD_EPROTO);
}

static void refuses_what_is_too_long(void **state) {
  (void)state;
  vector v = read_vector();
  unsigned char out[1];
  size_t n = (size_t)INT32_MAX + 1;
  assert_int_equal(mh_seal(v.key, v.text, n, "", 0, out), MOONHERD_EINVAL);
  assert_int_equal(mh_seal(v.key, v.text, 0, "", n, out), MOONHERD_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opens_a_published_vector),
      cmocka_unit_test(opens_what_it_has_sealed),
      cmocka_unit_test(refuses_anything_changed),
      cmocka_unit_test(refuses_what_is_too_long),
  };
  return cmocka_run_group_tests_name("crypt", tests, NULL, NULL);
}
