/* Log lines and the masker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"
#include "moonherd.h"

typedef struct sink {
  int lines, level;
  char last[1024];
} sink;

static void on_line(void *user, int level, const char *json, size_t n) {
  sink *s = user;
  s->lines++;
  s->level = level;
  snprintf(s->last, sizeof s->last, "%.*s", (int)n, json);
}

static const char *masked(mh_log *log, const char *text) {
  static char result[1024];
  mh_buf b;
  mh_buf_init(&b, NULL);
  mh_buf_puts(&b, text);
  assert_int_equal(0, mh_log_mask(log, &b));
  snprintf(result, sizeof result, "%.*s", (int)b.len, b.data);
  mh_buf_fini(&b);
  return result;
}

static void writes_json_lines_with_the_clock_s_time(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_virtual(&clock, 1764000000 * (int64_t)MH_SECOND);
  mh_clock_advance(&clock, 1500 * MH_MILLISECOND);
  sink s = {0};
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, on_line, &s);
  mh_log_message(log, MOONHERD_LOG_WARN, "a \"%s\"\n\x01", "quote\\");
  assert_string_equal(
      "{\"time\":\"2025-11-24T16:00:01.500Z\",\"level\":\"warn\",\"message\":\"a "
      "\\\"quote\\\\\\\"\\n\\u0001\"}",
      s.last);
  mh_log_fields(log, MOONHERD_LOG_INFO, "\"n\":1", 5, "%s", "with");
  assert_non_null(strstr(s.last, "\"message\":\"with\",\"n\":1}"));
  mh_log_message(log, MOONHERD_LOG_DEBUG, "%s", "too quiet");
  assert_int_equal(2, s.lines);
  mh_log_free(log);
}

static void what_is_not_utf8_does_not_spoil_a_line(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_virtual(&clock, 0);
  sink s = {0};
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, on_line, &s);
  mh_log_message(log, MOONHERD_LOG_INFO, "%s", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  assert_non_null(strstr(s.last, ":\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"}"));
  // A byte of no character, an overlong one, half of a pair, too large, cut off.
  mh_log_message(log, MOONHERD_LOG_INFO, "%s",
                 "\xff|\xc0\x80|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
  assert_non_null(strstr(s.last,
                         ":\"\\ufffd|\\ufffd\\ufffd|\\ufffd\\ufffd\\ufffd|"
                         "\\ufffd\\ufffd\\ufffd\\ufffd|\\ufffd\\ufffd\"}"));
  mh_log_free(log);
}

static unsigned next_random(uint32_t *seed) {
  *seed = *seed * UINT32_C(1664525) + UINT32_C(1013904223);
  return *seed >> 16;
}

/* `n` letters and a zero. */
static void random_letters(char *text, size_t n, uint32_t *seed) {
  for (size_t i = 0; i < n; i++) text[i] = (char)('a' + next_random(seed) % 2);
  text[n] = '\0';
}

static void hides_secrets_in_every_form(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  sink s = {0};
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, on_line, &s);
  assert_int_equal(0, mh_log_hide(log, "to\"ken /1", 9));
  assert_string_equal("x [hidden] y", masked(log, "x to\"ken /1 y"));
  assert_string_equal("[hidden]", masked(log, "to\\\"ken /1"));
  assert_string_equal("?t=[hidden]&", masked(log, "?t=to%22ken%20%2F1&"));
  mh_log_message(log, MOONHERD_LOG_INFO, "using %s", "to\"ken /1");
  assert_null(strstr(s.last, "ken"));
  mh_log_free(log);
}

static void takes_the_longest_match_and_leaves_short_values(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  mh_log_hide(log, "abcd", 4);
  mh_log_hide(log, "abcdefgh", 8);
  mh_log_hide(log, "xyz", 3);
  assert_string_equal("[hidden]|[hidden]ef|xyz|abc", masked(log, "abcdefgh|abcdef|xyz|abc"));
  assert_string_equal("[hidden][hidden]", masked(log, "abcdabcd"));
  mh_log_free(log);
}

static void finds_thousands_of_secrets(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  char secret[32];
  for (int i = 0; i < 5000; i++) {
    snprintf(secret, sizeof secret, "key-%d-%d", i, i * 7919);
    assert_int_equal(0, mh_log_hide(log, secret, strlen(secret)));
  }
  for (int i = 0; i < 5000; i += 499) {
    char text[64];
    snprintf(text, sizeof text, "<key-%d-%d>", i, i * 7919);
    assert_string_equal("<[hidden]>", masked(log, text));
  }
  mh_log_free(log);
}

/* Tokens of one issuer begin alike. With a walk along all of them this would take minutes. */
static void finds_any_of_many_secrets_that_begin_alike(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  char secret[64];
  for (int i = 0; i < 200000; i++) {
    snprintf(secret, sizeof secret, "eyJhbGciOiJIUzI1NiJ9.eyJhY2Mi.%d", i);
    assert_int_equal(0, mh_log_hide(log, secret, strlen(secret)));
  }
  assert_string_equal("<[hidden]>", masked(log, "<eyJhbGciOiJIUzI1NiJ9.eyJhY2Mi.7>"));
  assert_string_equal("<[hidden]>", masked(log, "<eyJhbGciOiJIUzI1NiJ9.eyJhY2Mi.199999>"));
  assert_string_equal("eyJhbGciOiJIUzI1NiJ9", masked(log, "eyJhbGciOiJIUzI1NiJ9"));
  mh_log_free(log);
}

/* One of them is long. A text that is compared with it wherever it may begin would take minutes. */
static void does_not_look_far_where_no_secret_begins(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  enum { LENGTH = 1 << 20, LONG = 5000 };
  static char text[LENGTH];
  uint32_t seed = 1;
  for (int i = 0; i < LENGTH; i++) text[i] = (char)('a' + (next_random(&seed) >> 12));
  for (int i = 0; i < 3000; i++) {
    char secret[16];
    for (size_t k = 0; k < sizeof secret; k++) secret[k] = (char)('a' + (next_random(&seed) >> 12));
    assert_int_equal(0, mh_log_hide(log, secret, sizeof secret));
  }
  assert_int_equal(0, mh_log_hide(log, text + LENGTH - LONG, LONG));
  assert_false(mh_log_has_secret(log, text, LENGTH - 1));
  assert_true(mh_log_has_secret(log, text, LENGTH));
  mh_log_free(log);
}

/* Whoever hides a token a second for ever does not run out of memory. */
static void forgets_what_is_worth_nothing_any_more(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_virtual(&clock, 0);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  assert_int_equal(0, mh_log_hide(log, "for ever", 8));
  assert_int_equal(0, mh_log_hide_for(log, "prolonged", 9, 1));
  assert_int_equal(0, mh_log_hide(log, "prolonged", 9));
  char secret[32];
  for (int i = 0; i < 100000; i++) {
    clock.now += MH_SECOND;
    snprintf(secret, sizeof secret, "token-%d.", i);
    assert_int_equal(0, mh_log_hide_for(log, secret, strlen(secret), 60));
  }
  assert_string_equal("[hidden], [hidden]", masked(log, "for ever, prolonged"));
  assert_string_equal("[hidden]", masked(log, "token-99999."));
  assert_string_equal("[hidden]", masked(log, "token-99940."));
  assert_string_equal("token-5.", masked(log, "token-5."));
  mh_log_free(log);
}

/* What a look at every byte would find, for texts and secrets of two letters: most looks are near ones. */
static void finds_what_a_look_at_every_byte_would(void **state) {
  (void)state;
  mh_clock clock;
  mh_clock_init_real(&clock);
  uint32_t seed = 1;
  for (int round = 0; round < 300; round++) {
    mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
    char secrets[3][16], text[64];
    for (int k = 0; k < 3; k++) {
      random_letters(secrets[k], 4 + next_random(&seed) % 12, &seed);
      assert_int_equal(0, mh_log_hide(log, secrets[k], strlen(secrets[k])));
      for (int i = 0; i < 20; i++) {
        random_letters(text, next_random(&seed) % sizeof text, &seed);
        bool has = false;
        for (int j = 0; j <= k; j++) has |= strstr(text, secrets[j]) != NULL;
        assert_int_equal(has, mh_log_has_secret(log, text, strlen(text)));
        for (int j = 0; j <= k; j++) assert_null(strstr(masked(log, text), secrets[j]));
      }
    }
    mh_log_free(log);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(writes_json_lines_with_the_clock_s_time),
      cmocka_unit_test(what_is_not_utf8_does_not_spoil_a_line),
      cmocka_unit_test(hides_secrets_in_every_form),
      cmocka_unit_test(takes_the_longest_match_and_leaves_short_values),
      cmocka_unit_test(finds_thousands_of_secrets),
      cmocka_unit_test(finds_any_of_many_secrets_that_begin_alike),
      cmocka_unit_test(does_not_look_far_where_no_secret_begins),
      cmocka_unit_test(forgets_what_is_worth_nothing_any_more),
      cmocka_unit_test(finds_what_a_look_at_every_byte_would),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
