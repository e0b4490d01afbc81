/* Hashes against published vectors, base64 and hexadecimal, and work on a worker thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/blocks.h"
#include "io/codec.h"
#include "io/hash.h"
#include "moonherd.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void assert_hex(const unsigned char digest[MH_SHA256_SIZE], const char *expected) {
  char hex[2 * MH_SHA256_SIZE + 1] = "";
  mh_hex_encode(digest, MH_SHA256_SIZE, hex);
  assert_string_equal(hex, expected);
}

/* ---- SHA-256 (FIPS 180) and HMAC (RFC 4231) -------------------------------------------------------- */

typedef struct vector {
  const char *key, *text, *digest; /* key NULL: a plain hash */
} vector;

static const vector VECTORS[] = {
    {NULL, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {NULL, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {NULL, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b", "Hi There",
     "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    {"Jefe", "what do ya want for nothing?",
     "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
    {"", "", "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

static void matches_the_published_vectors(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(VECTORS); i++) {
    const vector *v = &VECTORS[i];
    unsigned char digest[MH_SHA256_SIZE];
    int e = v->key == NULL
                ? mh_sha256(v->text, strlen(v->text), digest)
                : mh_hmac_sha256(v->key, strlen(v->key), v->text, strlen(v->text), digest);
    assert_int_equal(e, 0);
    assert_hex(digest, v->digest);
  }
}

static void hashes_a_key_longer_than_a_block(void **state) {
  (void)state;
  static const char TEXT[] = "Test Using Larger Than Block-Size Key - Hash Key First";
  unsigned char key[131], digest[MH_SHA256_SIZE];
  memset(key, 0xAA, sizeof key);
  assert_int_equal(mh_hmac_sha256(key, sizeof key, TEXT, strlen(TEXT), digest), 0);
  assert_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hashes_piece_by_piece(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(VECTORS); i++) {
    const vector *v = &VECTORS[i];
    unsigned char digest[MH_SHA256_SIZE];
    mh_digest d;
    assert_int_equal(v->key ? mh_digest_init_hmac(&d, v->key, strlen(v->key)) : mh_digest_init(&d),
                     0);
    for (const char *p = v->text; *p != '\0'; p++) {
      assert_int_equal(mh_digest_update(&d, p, 1), 0);
      assert_int_equal(mh_digest_value(&d, digest), 0);  // asking changes nothing
    }
    assert_int_equal(mh_digest_value(&d, digest), 0);
    assert_hex(digest, v->digest);
    mh_digest_fini(&d);
    mh_digest_fini(&d);
  }
}

/* ---- base64 (RFC 4648) and hexadecimal ------------------------------------------------------- */

typedef struct coded {
  const char *bytes, *ordinary, *url;
} coded;

static const coded CODED[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\xfb\xff\xfe?>", "+//+Pz4=", "-__-Pz4"},
};

static bool decodes(const char *text, bool is_url, const char *bytes) {
  char out[64] = "";
  size_t n = mh_base64_trim(text, strlen(text), is_url);
  if (n == SIZE_MAX || !mh_base64_decode(text, n, is_url, out)) return false;
  assert_int_equal(mh_base64_size(n), strlen(bytes));
  assert_memory_equal(out, bytes, strlen(bytes));
  return true;
}

static void writes_and_reads_base64(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(CODED); i++) {
    const coded *c = &CODED[i];
    char out[64] = "";
    size_t n = strlen(c->bytes);
    assert_int_equal(mh_base64_encode(c->bytes, n, false, out), strlen(c->ordinary));
    assert_memory_equal(out, c->ordinary, strlen(c->ordinary));
    assert_int_equal(mh_base64_length(n, false), strlen(c->ordinary));
    assert_int_equal(mh_base64_encode(c->bytes, n, true, out), strlen(c->url));
    assert_memory_equal(out, c->url, strlen(c->url));
    assert_int_equal(mh_base64_length(n, true), strlen(c->url));
    assert_true(decodes(c->ordinary, false, c->bytes));
    assert_true(decodes(c->url, true, c->bytes));
  }
  assert_true(decodes("Zg==", true, "f"));
}

static void refuses_wrong_base64(void **state) {
  (void)state;
  static const char *const WRONG[] = {
      "Z",     "Zg",       "Zg=",        "Z===", "====", "=",       "Zh==",     "Zm9=", "Zm9v\n",
      "Zm 9v", "Zg==Zg==", "Zm9vZg==\n", "Zm9-", "Zm9_", "Zm9\xC3", "Zg==Zm9v", "Z=g=", "Zm9vY===",
  };
  for (size_t i = 0; i < COUNT(WRONG); i++)
    if (decodes(WRONG[i], false, "")) fail_msg("%s", WRONG[i]);
  static const char *const WRONG_URL[] = {"Z",  "Zg=", "Zm9+",  "Zm9/",
                                          "Zh", "Zm9", "Zg===", "Zm9vY"};
  for (size_t i = 0; i < COUNT(WRONG_URL); i++)
    if (decodes(WRONG_URL[i], true, "")) fail_msg("%s", WRONG_URL[i]);
}

static void writes_and_reads_hex(void **state) {
  (void)state;
  char text[8] = "";
  unsigned char bytes[3];
  mh_hex_encode("\x00\xAf\xff", 3, text);
  assert_string_equal(text, "00afff");
  assert_true(mh_hex_decode("00aFfF", 3, bytes));
  assert_memory_equal(bytes, "\x00\xAf\xff", 3);
  assert_false(mh_hex_decode("0g", 1, bytes));
  assert_false(mh_hex_decode("g0", 1, bytes));
  assert_false(mh_hex_decode("0\0", 1, bytes));
}

/* ---- random bytes, comparison ---------------------------------------------------------------- */

static void makes_uuids(void **state) {
  (void)state;
  char a[MH_UUID_LENGTH + 1], b[MH_UUID_LENGTH + 1];
  for (int i = 0; i < 100; i++) {
    assert_int_equal(mh_uuid(a), 0);
    assert_int_equal(mh_uuid(b), 0);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), MH_UUID_LENGTH);
    assert_int_equal(strspn(a, "0123456789abcdef-"), MH_UUID_LENGTH);
    assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
    assert_true(a[14] == '4' && strchr("89ab", a[19]) != NULL);
  }
}

static void compares(void **state) {
  (void)state;
  assert_true(mh_equal("", 0, "", 0));
  assert_true(mh_equal("abc", 3, "abc", 3));
  assert_false(mh_equal("abc", 3, "abd", 3));
  assert_false(mh_equal("abc", 3, "ab", 2));
}

/* ---- work on a worker thread ----------------------------------------------------------------- */

typedef struct sum {
  size_t bytes, blocks, longest;
  size_t fail_at;      /* block; 0: never */
  atomic_bool started; /* the first block was seen */
} sum;

static int on_block(void *state, const void *bytes, size_t n) {
  sum *s = state;
  if (n > s->longest) s->longest = n;
  s->bytes += n;
  s->blocks++;
  if (*(const char *)bytes == 's') atomic_store(&s->started, true);
  return s->fail_at == s->blocks ? MOONHERD_EPROTO : 0;
}

typedef struct fixture {
  mh_loop loop;
  mh_blocks blocks;
  char *bytes;
  size_t n;
  sum sum;
} fixture;

static int set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  mh_clock clock;
  mh_clock_init_real(&clock);
  if (f == NULL || mh_loop_init(&f->loop, &clock) != 0) return -1;
  mh_blocks_init(&f->blocks, &f->loop, "test");
  f->n = 100 * (size_t)MH_BLOCK_SIZE + 7;
  f->bytes = malloc(f->n);
  if (f->bytes == NULL) return -1;
  memset(f->bytes, 's', f->n);
  *state = f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  mh_blocks_fini(&f->blocks);
  mh_loop_fini(&f->loop);
  assert_int_equal(f->loop.open_jobs, 0);
  free(f->bytes);
  free(f);
  return 0;
}

static void feeds_every_block(void **state) {
  fixture *f = *state;
  assert_int_equal(mh_blocks_start(&f->blocks, f->bytes, f->n, on_block, &f->sum), 0);
  assert_true(f->blocks.op.is_open);
  assert_int_equal(f->loop.open_jobs, 1);
  while (!f->blocks.op.is_done) mh_loop_step(&f->loop, 0, 1);
  assert_int_equal(f->blocks.op.status, 0);
  assert_int_equal(f->sum.bytes, f->n);
  assert_int_equal(f->sum.blocks, 101);
  assert_int_equal(f->sum.longest, MH_BLOCK_SIZE);
  assert_int_equal(f->loop.open_jobs, 0);
}

static void ends_at_a_failure(void **state) {
  fixture *f = *state;
  f->sum.fail_at = 3;
  assert_int_equal(mh_blocks_start(&f->blocks, f->bytes, f->n, on_block, &f->sum), 0);
  while (!f->blocks.op.is_done) mh_loop_step(&f->loop, 0, 1);
  assert_int_equal(f->blocks.op.status, MOONHERD_EPROTO);
  assert_int_equal(f->sum.blocks, 3);
}

/* The bytes and the state are free to go as soon as it is cancelled, however far it had come. */
static void lets_go_when_cancelled(void **state) {
  fixture *f = *state;
  for (int round = 0; round < 50; round++) {
    size_t n = (size_t)(round + 1) * MH_BLOCK_SIZE;
    char *bytes = malloc(n);
    sum *s = calloc(1, sizeof *s);
    assert_non_null(bytes);
    assert_non_null(s);
    memset(bytes, 's', n);
    assert_int_equal(mh_blocks_start(&f->blocks, bytes, n, on_block, s), 0);
    while (round % 2 == 1 && !atomic_load(&s->started)) {
    }
    mh_op_cancel(&f->blocks.op);
    assert_null(f->blocks.job);
    free(bytes);
    free(s);
    if (round % 5 == 0) mh_loop_step(&f->loop, 0, 0);
  }
  assert_int_equal(mh_blocks_start(&f->blocks, f->bytes, f->n, on_block, &f->sum), 0);
  while (!f->blocks.op.is_done) mh_loop_step(&f->loop, 0, 1);
  assert_int_equal(f->sum.bytes, f->n);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(matches_the_published_vectors),
      cmocka_unit_test(hashes_a_key_longer_than_a_block),
      cmocka_unit_test(hashes_piece_by_piece),
      cmocka_unit_test(writes_and_reads_base64),
      cmocka_unit_test(refuses_wrong_base64),
      cmocka_unit_test(writes_and_reads_hex),
      cmocka_unit_test(makes_uuids),
      cmocka_unit_test(compares),
      cmocka_unit_test_setup_teardown(feeds_every_block, set_up, tear_down),
      cmocka_unit_test_setup_teardown(ends_at_a_failure, set_up, tear_down),
      cmocka_unit_test_setup_teardown(lets_go_when_cancelled, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
