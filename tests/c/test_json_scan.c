/* The passes around cjson that need no Lua: what is refused and where, what is marked, numbers both
 * ways, taking marks out, laying out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io/json_number.h"
#include "io/json_print.h"
#include "io/json_scan.h"
#include "moonherd.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define MARK "\xFF"

/* ---- what is accepted, and what becomes of it ----------------------------------------------------- */

typedef struct accepted {
  const char *text;
  const char *marked; /* NULL: nothing is marked */
} accepted;

static const accepted GOOD[] = {
    {"null", NULL},
    {"true", NULL},
    {"false", NULL},
    {"\"\"", NULL},
    {" \t\r\n1 \t\r\n", NULL},
    {"{}", NULL},
    {"{ }", NULL},
    {"[]", "\"" MARK "[]\""},
    {"[ \n ]", "\"" MARK "[]\""},
    {"[[],{}]", "[\"" MARK "[]\",{}]"},
    {"{\"a\":[],\"b\":[1]}", "{\"a\":\"" MARK "[]\",\"b\":[1]}"},
    {"{\"\":0}", NULL},
    {"{\"a\":1,\"a\":2}", NULL},
    {"0", NULL},
    {"-1", NULL},
    {"99999999999999", NULL},
    {"-99999999999999", NULL},
    {"100000000000000", "\"" MARK "100000000000000\""},
    {"-0", "\"" MARK "-0\""},
    {"[1.5]", "[\"" MARK "1.5\"]"},
    {"[3.0, 1e2 ,-1E+2,2e-1]",
     "[\"" MARK "3.0\", \"" MARK "1e2\" ,\"" MARK "-1E+2\",\"" MARK "2e-1\"]"},
    {"1e308", "\"" MARK "1e308\""},
    {"1e-999", "\"" MARK "1e-999\""},
    {"0e999999999999999999999", "\"" MARK "0e999999999999999999999\""},
    {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\ude00\"", NULL},
    {"\"\\u0000\"", NULL},
    {"\"\x7F\"", NULL},
    {"\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \xEF\xBF\xBF \xF4\x8F\xBF\xBF\"", NULL},
    {"\"\xC2\x80\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90\x80\x80\"", NULL},
};

static void accepts_and_marks(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(GOOD); i++) {
    mh_buf marked;
    mh_json_scan scan;
    mh_buf_init(&marked, NULL);
    int e = mh_json_scan_text(GOOD[i].text, strlen(GOOD[i].text), &marked, &scan);
    if (e != 0) fail_msg("%s: refused: %s", GOOD[i].text, scan.why);
    assert_int_equal(scan.has_marks, GOOD[i].marked != NULL);
    if (GOOD[i].marked != NULL) assert_string_equal(mh_buf_cstr(&marked), GOOD[i].marked);
    else assert_int_equal(marked.len, 0);
    mh_buf_fini(&marked);
  }
}

static void says_what_there_is(void **state) {
  (void)state;
  static const char TEXT[] = "{\"a\":[true],\"b\":null,\"c\":7}";
  mh_buf marked;
  mh_json_scan scan;
  mh_buf_init(&marked, NULL);
  assert_int_equal(mh_json_scan_text(TEXT, strlen(TEXT), &marked, &scan), 0);
  assert_true(scan.has_lists && scan.has_nulls && scan.has_numbers && !scan.has_marks);
  assert_int_equal(mh_json_scan_text("{\"a\":\"null [7]\"}", 16, &marked, &scan), 0);
  assert_false(scan.has_lists || scan.has_nulls || scan.has_numbers || scan.has_marks);
}

/* ---- what is refused, and where ------------------------------------------------------------------ */

typedef struct refused {
  const char *text;
  size_t line, column;
  const char *why;
} refused;

static const char EARLY[] = "the text ends too early";
static const char VALUE[] = "a value was expected";
static const char UTF8[] = "invalid UTF-8";
static const char CONTROL[] = "control characters must be escaped in a string";
static const char HALF[] = "half of a surrogate pair";
static const char HEX[] = "four hexadecimal digits belong after \\u";
static const char ESCAPE[] = "no escape sequence begins with this character";
static const char FOLLOWS[] = "something follows the value";
static const char LARGE[] = "the number is too large";

static const refused BAD[] = {
    {"", 1, 1, EARLY},
    {" \n ", 2, 2, EARLY},
    {"[", 1, 2, EARLY},
    {"{", 1, 2, EARLY},
    {"[1", 1, 3, EARLY},
    {"{\"a\"", 1, 5, EARLY},
    {"{\"a\":", 1, 6, EARLY},
    {"\"abc", 1, 5, EARLY},
    {"\"\\", 1, 3, EARLY},
    {"\"\\u12", 1, 4, HEX},
    {"-", 1, 2, EARLY},
    {"1.", 1, 3, EARLY},
    {"1e", 1, 3, EARLY},
    {"]", 1, 1, VALUE},
    {"[1 2]", 1, 4, "',' or ']' was expected"},
    {"[1}", 1, 3, "',' or ']' was expected"},
    {"[1,]", 1, 4, "a comma before ']'"},
    {"[,1]", 1, 2, VALUE},
    {"[1,,2]", 1, 4, VALUE},
    {"{\"a\":1,}", 1, 8, "a comma before '}'"},
    {"{,}", 1, 2, "a name in double quotes was expected"},
    {"{a:1}", 1, 2, "a name in double quotes was expected"},
    {"{'a':1}", 1, 2, "a name in double quotes was expected"},
    {"{1:1}", 1, 2, "a name in double quotes was expected"},
    {"{\"a\" 1}", 1, 6, "':' was expected"},
    {"{\"a\":1 \"b\":2}", 1, 8, "',' or '}' was expected"},
    {"{\"a\":1]", 1, 7, "',' or '}' was expected"},
    {"{\"a\":}", 1, 6, VALUE},
    {"{\n  \"a\": 1,\n  \"b\": x\n}", 3, 8, VALUE},
    {"[\"\xC3\xA9\xC3\xA9\", x]", 1, 8, VALUE},
    {"nul", 1, 1, VALUE},
    {"True", 1, 1, VALUE},
    {"NaN", 1, 1, VALUE},
    {"Infinity", 1, 1, VALUE},
    {"-Infinity", 1, 2, "a digit belongs after the minus"},
    {"nullx", 1, 5, FOLLOWS},
    {"1 2", 1, 3, FOLLOWS},
    {"[] []", 1, 4, FOLLOWS},
    {"{} // no", 1, 4, FOLLOWS},
    {"/* no */ 1", 1, 1, VALUE},
    {"01", 1, 1, "leading zeros are not allowed"},
    {"-01", 1, 2, "leading zeros are not allowed"},
    {"+1", 1, 1, VALUE},
    {".5", 1, 1, VALUE},
    {"1.x", 1, 3, "a digit belongs after the point"},
    {"1.e1", 1, 3, "a digit belongs after the point"},
    {"1ex", 1, 3, "a digit belongs after the exponent sign"},
    {"1e+-1", 1, 4, "a digit belongs after the exponent sign"},
    {"0x10", 1, 2, FOLLOWS},
    {"1_000", 1, 2, FOLLOWS},
    {"1e400", 1, 1, LARGE},
    {"[1, -1e400]", 1, 5, LARGE},
    {"1.8e308", 1, 1, LARGE},
    {"1e99999999999999999999", 1, 1, LARGE},
    {"'a'", 1, 1, VALUE},
    {"\"a\nb\"", 1, 3, CONTROL},
    {"\"\t\"", 1, 2, CONTROL},
    {"\"\x1F\"", 1, 2, CONTROL},
    {"\"\\x41\"", 1, 3, ESCAPE},
    {"\"\\'\"", 1, 3, ESCAPE},
    {"\"\\U0041\"", 1, 3, ESCAPE},
    {"\"\\u00g0\"", 1, 4, HEX},
    {"\"\\uD800\"", 1, 2, HALF},
    {"\"\\uDC00\"", 1, 2, HALF},
    {"\"\\uD800\\u0041\"", 1, 2, HALF},
    {"\"\\uD800\\uD800\"", 1, 2, HALF},
    {"\"\\uDC00\\uD800\"", 1, 2, HALF},
    {"\"\\uD800x\"", 1, 2, HALF},
    {"\"\x80\"", 1, 2, UTF8},             /* continuation alone */
    {"\"\xC3\"", 1, 2, UTF8},             /* cut off */
    {"\"\xE2\x82\"", 1, 2, UTF8},         /* cut off */
    {"\"\xF0\x9F\x98\"", 1, 2, UTF8},     /* cut off */
    {"\"\xC0\xAF\"", 1, 2, UTF8},         /* longer than need be */
    {"\"\xC1\xBF\"", 1, 2, UTF8},         /* longer than need be */
    {"\"\xE0\x9F\xBF\"", 1, 2, UTF8},     /* longer than need be */
    {"\"\xF0\x8F\xBF\xBF\"", 1, 2, UTF8}, /* longer than need be */
    {"\"\xED\xA0\x80\"", 1, 2, UTF8},     /* U+D800 */
    {"\"\xED\xBF\xBF\"", 1, 2, UTF8},     /* U+DFFF */
    {"\"\xF4\x90\x80\x80\"", 1, 2, UTF8}, /* U+110000 */
    {"\"\xF5\x80\x80\x80\"", 1, 2, UTF8},
    {"\"\xFE\"", 1, 2, UTF8},
    {"\"" MARK "1\"", 1, 2, UTF8}, /* a mark that is not ours */
    {"[\"" MARK "[]\"]", 1, 3, UTF8},
    {"{\"" MARK "{\":1}", 1, 3, UTF8},
    {"\xEF\xBB\xBF{}", 1, 1, "a byte order mark is in front of the text"},
    {"\xC2\xA0{}", 1, 1, VALUE}, /* white space, but not JSON's */
};

static void refuses(const char *text, size_t n, size_t line, size_t column, const char *why) {
  mh_buf marked;
  mh_json_scan scan;
  mh_buf_init(&marked, NULL);
  if (mh_json_scan_text(text, n, &marked, &scan) != MOONHERD_EPROTO)
    fail_msg("%s: not refused", text);
  if (strcmp(scan.why, why) != 0 || scan.line != line || scan.column != column)
    fail_msg("%s: refused at %zu:%zu: %s", text, scan.line, scan.column, scan.why);
  mh_buf_fini(&marked);
}

static void refuses_and_says_where(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(BAD); i++)
    refuses(BAD[i].text, strlen(BAD[i].text), BAD[i].line, BAD[i].column, BAD[i].why);
}

static void refuses_zero_bytes(void **state) {
  (void)state;
  refuses("\"\0\"", 3, 1, 2, CONTROL);
  refuses("1\0", 2, 1, 2, FOLLOWS);
  refuses("\0", 1, 1, 1, VALUE);
  refuses("[1,\0]", 5, 1, 4, VALUE);
}

static void limits_the_depth(void **state) {
  (void)state;
  static const char *const OPEN[] = {"[", "{\"a\":"}, *const CLOSE[] = {"]", "}"};
  for (unsigned kind = 0; kind < 2; kind++) {
    for (unsigned depth = MH_JSON_DEPTH; depth <= MH_JSON_DEPTH + 1; depth++) {
      mh_buf text, marked;
      mh_json_scan scan;
      mh_buf_init(&text, NULL);
      mh_buf_init(&marked, NULL);
      for (unsigned i = 0; i < depth; i++) mh_buf_puts(&text, OPEN[kind]);
      mh_buf_puts(&text, "1");
      for (unsigned i = 0; i < depth; i++) mh_buf_puts(&text, CLOSE[kind]);
      int e = mh_json_scan_text(mh_buf_cstr(&text), text.len, &marked, &scan);
      assert_int_equal(e, depth <= MH_JSON_DEPTH ? 0 : MOONHERD_EPROTO);
      if (e != 0) assert_string_equal(scan.why, "more than 128 levels deep");
      mh_buf_fini(&text);
    }
  }
}

static void reports_a_lack_of_memory(void **state) {
  (void)state;
  mh_mem mem = {.limit = 1};
  mh_buf marked;
  mh_json_scan scan;
  mh_buf_init(&marked, &mem);
  assert_int_equal(mh_json_scan_text("[1.5]", 5, &marked, &scan), MOONHERD_ENOMEM);
  mh_buf_fini(&marked);
  assert_int_equal(mh_json_scan_text("[1]", 3, &marked, &scan), 0);
}

static void finds_the_valid_part_of_utf8(void **state) {
  (void)state;
  assert_int_equal(mh_json_utf8("", 0), 0);
  assert_int_equal(mh_json_utf8("a\0b", 3), 3);
  assert_int_equal(mh_json_utf8("0123456789\xC3\xA9", 12), 12);
  assert_int_equal(mh_json_utf8("0123456789\xC3", 11), 10);
  assert_int_equal(mh_json_utf8("0123456\xFF", 8), 7);
  assert_int_equal(mh_json_utf8("\xED\xA0\x80", 3), 0);
}

/* ---- numbers --------------------------------------------------------------------------------------- */

typedef struct whole {
  const char *text;
  int64_t value;
} whole;

static const whole WHOLES[] = {
    {"0", 0},
    {"0.0", 0},
    {"0e5", 0},
    {"3", 3},
    {"3.0", 3},
    {"3.000", 3},
    {"30e-1", 3},
    {"0.3e1", 3},
    {"0.00300e3", 3},
    {"-7", -7},
    {"1e3", 1000},
    {"1e18", INT64_C(1000000000000000000)},
    {"9007199254740993", INT64_C(9007199254740993)},
    {"9007199254740993.0", INT64_C(9007199254740993)},
    {"123456789012345e3", INT64_C(123456789012345000)},
    {"9223372036854775807", INT64_MAX},
    {"-9223372036854775808", INT64_MIN},
    {"922337203685477580.7e1", INT64_MAX},
};

typedef struct real {
  const char *text;
  double value;
} real;

static const real REALS[] = {
    {"1.5", 1.5},
    {"-0.1", -0.1},
    {"1e-3", 1e-3},
    {"9223372036854775808", 9223372036854775808.0},
    {"-9223372036854775809", -9223372036854775808.0},
    {"1e19", 1e19},
    {"12345678901234567890123", 12345678901234567890123.0},
    {"1.0000000000000000000001", 1.0},
    {"0.1000000000000000055511151231257827", 0.1},
    {"1.7976931348623157e308", 1.7976931348623157e308},
    {"2.2250738585072014e-308", 2.2250738585072014e-308},
    {"4.9406564584124654e-324", 4.9406564584124654e-324},
    {"1e-400", 0.0},
};

static void reads_numbers_exactly(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(WHOLES); i++) {
    mh_json_number number;
    assert_true(mh_json_number_read(WHOLES[i].text, strlen(WHOLES[i].text), &number));
    if (!number.is_integer || number.integer != WHOLES[i].value) fail_msg("%s", WHOLES[i].text);
  }
  for (size_t i = 0; i < COUNT(REALS); i++) {
    mh_json_number number;
    assert_true(mh_json_number_read(REALS[i].text, strlen(REALS[i].text), &number));
    if (number.is_integer || number.real != REALS[i].value) fail_msg("%s", REALS[i].text);
  }
}

static void keeps_the_sign_of_zero(void **state) {
  (void)state;
  static const char *const TEXTS[] = {"-0", "-0.0", "-0e1", "-1e-999"};
  for (size_t i = 0; i < COUNT(TEXTS); i++) {
    mh_json_number number;
    assert_true(mh_json_number_read(TEXTS[i], strlen(TEXTS[i]), &number));
    assert_false(number.is_integer);
    assert_true(1 / number.real < 0);
  }
}

/* …993 is half-way between two doubles; the digit that decides stands far behind. */
static void rounds_long_numbers_right(void **state) {
  (void)state;
  char text[2048];
  mh_json_number number;
  assert_true(mh_json_number_read("9007199254740992.9", 18, &number));
  assert_true(number.real == 9007199254740992.0);
  memset(text, '0', sizeof text);
  memcpy(text, "9007199254740993.", 17);
  text[2000] = '1';
  assert_true(mh_json_number_read(text, 2001, &number));
  assert_true(!number.is_integer && number.real == 9007199254740994.0);
  memset(text, '9', 400);
  assert_false(mh_json_number_read(text, 400, &number));
}

static void writes_the_fewest_digits(void **state) {
  (void)state;
  static const real CASES[] = {
      {"0.1", 0.1},
      {"0.30000000000000004", 0.1 + 0.2},
      {"0.3333333333333333", 1.0 / 3},
      {"3", 3.0},
      {"-3", -3.0},
      {"-0", -0.0},
      {"0", 0.0},
      {"1000000000000000", 1e15},
      {"9007199254740992", 9007199254740992.0},
      {"1152921504606846976", 1152921504606846976.0},
      {"-9223372036854775808", -9223372036854775808.0},
      {"9.223372036854776e+18", 9223372036854775808.0},
      {"1e+300", 1e300},
      {"1.5e-07", 1.5e-7},
      {"1.7976931348623157e+308", 1.7976931348623157e308},
      {"4.94065645841247e-324", 4.9406564584124654e-324},
  };
  for (size_t i = 0; i < COUNT(CASES); i++) {
    char out[MH_JSON_NUMBER_ROOM];
    size_t n = mh_json_number_write(CASES[i].value, out);
    assert_string_equal(out, CASES[i].text);
    assert_int_equal(n, strlen(out));
  }
}

static void numbers_survive_the_way_there_and_back(void **state) {
  (void)state;
  uint64_t seed = 88172645463325252;
  for (int i = 0; i < 100000; i++) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;  // xorshift
    double value;
    memcpy(&value, &seed, sizeof value);
    if (value - value != 0) continue;  // infinities and NaN
    char out[MH_JSON_NUMBER_ROOM];
    size_t n = mh_json_number_write(value, out);
    mh_json_number number;
    assert_true(mh_json_number_read(out, n, &number));
    assert_true((number.is_integer ? (double)number.integer : number.real) == value);
  }
}

/* ---- on the way out -------------------------------------------------------------------------- */

typedef struct printed {
  const char *text, *result;
} printed;

static void takes_marks_out(void **state) {
  (void)state;
  static const printed CASES[] = {
      {"\"a\"", "\"a\""},
      {"\"" MARK "1.5\"", "1.5"},
      {"\"" MARK "[]\"", "[]"},
      {"[\"" MARK "{\",\"a\",1,\"b\",\"" MARK "[]\"]", "{\"a\":1,\"b\":[]}"},
      {"[\"" MARK "{\",\"a,b\",[\"" MARK "{\",\"c\",[1,2]],\"d\",{}]",
       "{\"a,b\":{\"c\":[1,2]},\"d\":{}}"},
      {"[[\"" MARK "{\",\"a\",true],[\"x\",null]]", "[{\"a\":true},[\"x\",null]]"},
      {"\"a\\/b\\\\\\/\\\"\\u007f\\\\\"", "\"a/b\\\\/\\\"\\u007f\\\\\""},
      {"\"[\\\",]\"", "\"[\\\",]\""},
  };
  for (size_t i = 0; i < COUNT(CASES); i++) {
    char out[128];
    size_t n = mh_json_unmark(CASES[i].text, strlen(CASES[i].text), out);
    out[n] = '\0';
    assert_string_equal(out, CASES[i].result);
  }
}

static void lays_out(void **state) {
  (void)state;
  static const printed CASES[] = {
      {"1", "1"},
      {"{}", "{}"},
      {"[]", "[]"},
      {"[{},[]]", "[\n  {},\n  []\n]"},
      {"{\"a\":[1,\"x,[\\\"\"],\"b\":null}",
       "{\n  \"a\": [\n    1,\n    \"x,[\\\"\"\n  ],\n  \"b\": null\n}"},
  };
  for (size_t i = 0; i < COUNT(CASES); i++) {
    mh_buf out;
    mh_buf_init(&out, NULL);
    assert_int_equal(mh_json_indent(CASES[i].text, strlen(CASES[i].text), &out), 0);
    assert_string_equal(mh_buf_cstr(&out), CASES[i].result);
    mh_buf_fini(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts_and_marks),
      cmocka_unit_test(says_what_there_is),
      cmocka_unit_test(refuses_and_says_where),
      cmocka_unit_test(refuses_zero_bytes),
      cmocka_unit_test(limits_the_depth),
      cmocka_unit_test(reports_a_lack_of_memory),
      cmocka_unit_test(finds_the_valid_part_of_utf8),
      cmocka_unit_test(reads_numbers_exactly),
      cmocka_unit_test(keeps_the_sign_of_zero),
      cmocka_unit_test(rounds_long_numbers_right),
      cmocka_unit_test(writes_the_fewest_digits),
      cmocka_unit_test(numbers_survive_the_way_there_and_back),
      cmocka_unit_test(takes_marks_out),
      cmocka_unit_test(lays_out),
  };
  return cmocka_run_group_tests_name("json_scan", tests, NULL, NULL);
}
