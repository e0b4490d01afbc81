/* The timeline: what its events look like with any text in them. That the file is one that others read,
 * and what a program's timeline tells, is in tests/e2e/trace.sh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/trace.h"
#include "moonherd.h"

static char last[256];

static void on_event(void *user, const char *json, size_t n) {
  (void)user;
  snprintf(last, sizeof last, "%.*s", (int)n, json);
}

static const char *event_of(const char *name) {
  mh_clock clock;
  mh_clock_init_real(&clock);
  mh_log *log = mh_log_new(&clock, MOONHERD_LOG_INFO, NULL, NULL);
  assert_int_equal(0, mh_log_hide(log, "secret", 6));
  mh_trace *trace = mh_trace_new(&clock, log, on_event, NULL);
  uint64_t now = mh_trace_now(trace);
  mh_trace_span(trace, &(mh_span){"wait", name, 1, 2, now, now + 1500}, NULL);
  mh_trace_free(trace);
  mh_log_free(log);
  return last;
}

static bool has_name(const char *event, const char *name) {
  char member[128];
  snprintf(member, sizeof member, "{\"name\":\"%s\",\"cat\":\"wait\",\"ph\":\"X\",\"ts\":", name);
  return strncmp(event, member, strlen(member)) == 0;
}

static void plain_text_stands_as_it_is(void **state) {
  (void)state;
  char name[2] = "";
  for (int c = 0x20; c < 0x7f; c++) {
    name[0] = (char)c;
    if (c != '"' && c != '\\') assert_true(has_name(event_of(name), name));
  }
  assert_true(has_name(event_of(""), ""));
  assert_non_null(strstr(event_of("abc"), ",\"dur\":1.500,\"pid\":1,\"tid\":2}"));
}

/* Wherever it stands: text is looked at in words of eight bytes. */
static void odd_bytes_are_escaped(void **state) {
  (void)state;
  static const struct {
    const char *text, *json;
  } cases[] = {
      {"\"", "\\\""},      {"\\", "\\\\"},           {"\n", "\\n"},         {"\t", "\\t"},
      {"\x01", "\\u0001"}, {"\x1f", "\\u001f"},      {"\x7f", "\\u007f"},   {"\x80", "\\ufffd"},
      {"\xff", "\\ufffd"}, {"\xc3\xa9", "\xc3\xa9"}, {"secret", "[hidden]"}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int before = 0; before < 18; before++) {
      for (int behind = 0; behind < 9; behind++) {
        char name[64], json[64];
        snprintf(name, sizeof name, "%.*s%s%.*s", before, "abcdefghijklmnopqr", cases[i].text,
                 behind, "123456789");
        snprintf(json, sizeof json, "%.*s%s%.*s", before, "abcdefghijklmnopqr", cases[i].json,
                 behind, "123456789");
        if (!has_name(event_of(name), json)) fail_msg("%s: %s", json, last);
      }
    }
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(plain_text_stands_as_it_is),
      cmocka_unit_test(odd_bytes_are_escaped),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
