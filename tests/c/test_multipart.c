/* The multipart reader and writer: dialects, cuts at every place, hostile bodies, mutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "core/buf.h"
#include "io/multipart.h"
#include "io/multipart_write.h"
#include "moonherd.h"

static mh_slice slice(const char *text) {
  return text == NULL ? (mh_slice){NULL, 0} : (mh_slice){text, strlen(text)};
}

/* ---- transcripts: what a reader found, as text ---------------------------------------------- */

static void put_slice(mh_buf *to, const char *label, mh_slice s) {
  if (s.data == NULL) return;
  mh_buf_printf(to, " %s=[%.*s]", label, (int)s.len, s.data);
}

static void put_part(mh_buf *to, const mh_multipart_part *part) {
  mh_buf_puts(to, "part");
  put_slice(to, "name", part->name);
  put_slice(to, "filename", part->filename);
  put_slice(to, "type", part->content_type);
  mh_buf_printf(to, " headers=%zu\n", part->header_count);
}

static void put_data(mh_buf *to, const mh_multipart_event *event) {
  mh_buf_puts(to, event->is_large ? "block [" : "data [");
  mh_buf_append(to, event->data.data, event->data.len);
  mh_buf_puts(to, "]\n");
}

static mh_multipart_kind pull(mh_multipart *r, mh_buf *to) {
  mh_multipart_event event;
  mh_multipart_kind kind;
  while ((kind = mh_multipart_next(r, &event)) > MH_MULTIPART_MORE) {
    if (kind == MH_MULTIPART_PART) put_part(to, event.part);
    else if (kind == MH_MULTIPART_DATA) put_data(to, &event);
    else mh_buf_puts(to, "end\n");
  }
  return kind;
}

/* Feeds a copy that goes away, so that a reader that keeps pointers into it is found out. */
static mh_multipart_kind feed_copy(mh_multipart *r, const char *bytes, size_t n, mh_buf *to) {
  char *copy = malloc(n == 0 ? 1 : n);
  memcpy(copy, bytes, n);
  assert_int_equal(mh_multipart_feed(r, copy, n), 0);
  mh_multipart_kind kind = pull(r, to);
  memset(copy, 'x', n);
  free(copy);
  return kind;
}

typedef size_t cutter(size_t at, size_t arg); /* the length of the piece at `at` */

static size_t cut_never(size_t at, size_t arg) {
  (void)at, (void)arg;
  return SIZE_MAX;
}
static size_t cut_each(size_t at, size_t arg) {
  (void)at;
  return arg;
}
static size_t cut_once(size_t at, size_t arg) {
  return at < arg ? arg - at : SIZE_MAX;
}

static void read_all(mh_slice type, mh_slice body, const mh_multipart_limits *limits, cutter *cut,
                     size_t arg, mh_buf *to) {
  mh_multipart r;
  mh_multipart_kind kind = MH_MULTIPART_MORE;
  if (mh_multipart_init(&r, type, limits, NULL) == 0) {
    for (size_t at = 0; at < body.len && kind == MH_MULTIPART_MORE;) {
      size_t left = body.len - at, n = cut(at, arg);
      if (n > left) n = left;
      kind = feed_copy(&r, body.data + at, n, to);
      at += n;
    }
    mh_multipart_finish(&r);
    kind = pull(&r, to);
    assert_true(kind == MH_MULTIPART_DONE || kind == MH_MULTIPART_ERROR);
  }
  if (r.error.reason == NULL) mh_buf_puts(to, "done\n");
  else mh_buf_printf(to, "%s at %zu\n", r.error.reason, (size_t)r.error.offset);
  mh_multipart_fini(&r);
}

static void expect_same(mh_slice type, mh_slice body, const mh_multipart_limits *limits,
                        const mh_buf *expected, cutter *cut, size_t arg) {
  mh_buf found;
  mh_buf_init(&found, NULL);
  read_all(type, body, limits, cut, arg, &found);
  if (found.len != expected->len || memcmp(found.data, expected->data, found.len) != 0)
    fail_msg("cut at %zu:\n%.*s\nexpected:\n%.*s", arg, (int)found.len, found.data,
             (int)expected->len, expected->data);
  mh_buf_fini(&found);
}

/* Reads the body whole, cut once at every place, and byte by byte: all must give `expected`. */
static void expect_limited(const char *type, mh_slice body, const mh_multipart_limits *limits,
                           const char *expected) {
  mh_buf whole;
  mh_buf_init(&whole, NULL);
  read_all(slice(type), body, limits, cut_never, 0, &whole);
  if (expected != NULL) assert_string_equal(mh_buf_cstr(&whole), expected);
  for (size_t i = 1; i < body.len; i++) expect_same(slice(type), body, limits, &whole, cut_once, i);
  for (size_t i = 1; i < 8; i++) expect_same(slice(type), body, limits, &whole, cut_each, i);
  mh_buf_fini(&whole);
}

static void expect(const char *type, const char *body, const char *expected) {
  expect_limited(type, slice(body), NULL, expected);
}

#define TYPE "multipart/form-data; boundary=b"

/* ---- golden bytes ------------------------------------------------------------------------- */

typedef struct sample {
  const char *name, *filename, *type, *content;
} sample;

/* Writes a body by the writer, compares it with `golden`, reads it back. */
static void expect_written(const sample *parts, size_t n, const char *golden) {
  mh_buf body, transcript;
  mh_buf_init(&body, NULL);
  mh_buf_init(&transcript, NULL);
  for (size_t i = 0; i < n; i++) {
    const sample *p = &parts[i];
    mh_multipart_field field = {slice(p->name), slice(p->filename), slice(p->type)};
    assert_int_equal(mh_multipart_write_head(&body, slice("b"), &field, i == 0), 0);
    mh_buf_puts(&body, p->content);
    mh_multipart_part part = {.name = field.name,
                              .filename = field.filename,
                              .content_type = field.content_type,
                              .header_count = p->type != NULL ? 2 : 1};
    put_part(&transcript, &part);
    mh_buf_printf(&transcript, "data [%s]\nend\n", p->content);
  }
  assert_int_equal(mh_multipart_write_end(&body, slice("b"), n == 0), 0);
  mh_buf_puts(&transcript, "done\n");
  assert_string_equal(mh_buf_cstr(&body), golden);
  expect_limited(TYPE, (mh_slice){body.data, body.len}, NULL, mh_buf_cstr(&transcript));
  mh_buf_fini(&body);
  mh_buf_fini(&transcript);
}

#define WRITTEN(parts, golden) expect_written(parts, sizeof parts / sizeof parts[0], golden)
#define META "{\"main_module\":\"index.js\"}"

static void test_wrangler(void **state) {
  (void)state;
  const sample parts[] = {
      {"metadata", NULL, NULL, META},
      {"index.js", "index.js", "application/javascript+module", "export default {}\n"},
      {"lib/x.mjs", "lib/x.mjs", "application/javascript+module", "export const x = 1"},
      {"./0a1b-hello.txt", "./0a1b-hello.txt", "text/plain", "h\xC3\xA9llo\n"},
      {"index.js.map", "index.js.map", "application/source-map", "{}"},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"metadata\"\r\n"
          "\r\n" META
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\r\n"
          "Content-Type: application/javascript+module\r\n"
          "\r\n"
          "export default {}\n"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"lib/x.mjs\"; filename=\"lib/x.mjs\"\r\n"
          "Content-Type: application/javascript+module\r\n"
          "\r\n"
          "export const x = 1"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"./0a1b-hello.txt\"; "
          "filename=\"./0a1b-hello.txt\"\r\n"
          "Content-Type: text/plain\r\n"
          "\r\n"
          "h\xC3\xA9llo\n"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"index.js.map\"; filename=\"index.js.map\"\r\n"
          "Content-Type: application/source-map\r\n"
          "\r\n"
          "{}"
          "\r\n--b--\r\n");
}

static void test_curl_field(void **state) {
  (void)state;
  const sample parts[] = {
      {"metadata", NULL, "application/json", META},
      {"worker.mjs", "worker.mjs", "application/javascript+module", "export default {}"},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"metadata\"\r\n"
          "Content-Type: application/json\r\n"
          "\r\n" META
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"worker.mjs\"; filename=\"worker.mjs\"\r\n"
          "Content-Type: application/javascript+module\r\n"
          "\r\n"
          "export default {}"
          "\r\n--b--\r\n");
}

static void test_metadata_as_file(void **state) {
  (void)state;
  const sample parts[] = {
      {"metadata", "metadata.json", "application/json", META},
      {"script", "x.mjs", "application/javascript+module", "export default {}"},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"metadata\"; filename=\"metadata.json\"\r\n"
          "Content-Type: application/json\r\n"
          "\r\n" META
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"script\"; filename=\"x.mjs\"\r\n"
          "Content-Type: application/javascript+module\r\n"
          "\r\n"
          "export default {}"
          "\r\n--b--\r\n");
}

static void test_go(void **state) {
  (void)state;
  const sample parts[] = {
      {"metadata", NULL, "application/json", META},
      {"files", "anonymous_file", "application/octet-stream", "a"},
      {"files", "anonymous_file", "application/octet-stream", ""},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"metadata\"\r\n"
          "Content-Type: application/json\r\n"
          "\r\n" META
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"files\"; filename=\"anonymous_file\"\r\n"
          "Content-Type: application/octet-stream\r\n"
          "\r\n"
          "a"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"files\"; filename=\"anonymous_file\"\r\n"
          "Content-Type: application/octet-stream\r\n"
          "\r\n"
          "\r\n--b--\r\n");
}

static void test_bracketed(void **state) {
  (void)state;
  const sample parts[] = {
      {"metadata[main_module]", NULL, NULL, "index.js"},
      {"metadata[bindings][][type]", NULL, NULL, "plain_text"},
      {"files[]", "index.js", "application/octet-stream", "export default {}"},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"metadata[main_module]\"\r\n"
          "\r\n"
          "index.js"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"metadata[bindings][][type]\"\r\n"
          "\r\n"
          "plain_text"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"files[]\"; filename=\"index.js\"\r\n"
          "Content-Type: application/octet-stream\r\n"
          "\r\n"
          "export default {}"
          "\r\n--b--\r\n");
}

static void test_settings(void **state) {
  (void)state;
  const sample parts[] = {{"settings", NULL, "application/json", "{\"logpush\":true}"}};
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"settings\"\r\n"
          "Content-Type: application/json\r\n"
          "\r\n"
          "{\"logpush\":true}"
          "\r\n--b--\r\n");
}

static void test_assets(void **state) {
  (void)state;
  const sample parts[] = {
      {"0123abcd", "0123abcd", "text/html; charset=utf-8", "PGh0bWw+\nPGh0bWw+"},
      {"4567cdef", NULL, NULL, "YQ=="},
      {"89abef01", "89abef01", "application/null", ""},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"0123abcd\"; filename=\"0123abcd\"\r\n"
          "Content-Type: text/html; charset=utf-8\r\n"
          "\r\n"
          "PGh0bWw+\nPGh0bWw+"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"4567cdef\"\r\n"
          "\r\n"
          "YQ=="
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"89abef01\"; filename=\"89abef01\"\r\n"
          "Content-Type: application/null\r\n"
          "\r\n"
          "\r\n--b--\r\n");
}

static void test_names(void **state) {
  (void)state;
  const sample parts[] = {
      {"a\"b\r\nc", "\xE2\x82\xAC 100%.js", NULL, "1"},
      {"C:\\dir\\x\\", "a\\\\b\\\\\\", NULL, "2"},
      {"one;two=three", "%41", NULL, "3"},
  };
  WRITTEN(parts,
          "--b\r\n"
          "Content-Disposition: form-data; name=\"a%22b%0D%0Ac\"; "
          "filename=\"\xE2\x82\xAC 100%.js\"\r\n"
          "\r\n"
          "1"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"C:\\dir\\x\\\\\"; "
          "filename=\"a\\\\\\b\\\\\\\\\\\\\"\r\n"
          "\r\n"
          "2"
          "\r\n--b\r\n"
          "Content-Disposition: form-data; name=\"one;two=three\"; filename=\"%41\"\r\n"
          "\r\n"
          "3"
          "\r\n--b--\r\n");
}

static void test_no_parts(void **state) {
  (void)state;
  expect_written(NULL, 0, "--b--\r\n");
}

/* ---- the writer's refusals and the boundary --------------------------------------------------- */

static void expect_refused(mh_slice name, const char *filename, const char *type) {
  mh_buf body;
  mh_buf_init(&body, NULL);
  mh_buf_puts(&body, "before");
  mh_multipart_field field = {name, slice(filename), slice(type)};
  assert_int_equal(mh_multipart_write_head(&body, slice("b"), &field, true), MOONHERD_EINVAL);
  assert_string_equal(mh_buf_cstr(&body), "before");
  mh_buf_fini(&body);
}

static void test_refusals(void **state) {
  (void)state;
  expect_refused((mh_slice){"a\0b", 3}, NULL, NULL);
  expect_refused(slice(""), NULL, NULL);
  expect_refused(slice("a"), "\x7F", NULL);
  expect_refused(slice("a"), NULL, "text/plain\r\nEvil: yes");
}

static void test_write_without_memory(void **state) {
  (void)state;
  mh_multipart_field field = {slice("a\"b"), slice("f"), slice("t/u")};
  for (size_t limit = 1; limit < 40; limit++) {
    mh_mem mem = {.limit = limit};
    mh_buf body;
    mh_buf_init(&body, &mem);
    assert_int_equal(mh_multipart_write_head(&body, slice("b"), &field, true), MOONHERD_ENOMEM);
    assert_int_equal(body.len, 0);
    mh_buf_fini(&body);
  }
}

static int counting(void *user, void *out, size_t n) {
  for (size_t i = 0; i < n; i++) ((unsigned char *)out)[i] = (unsigned char)(i * 17);
  return *(int *)user;
}

static void test_boundary(void **state) {
  (void)state;
  char boundary[MH_MULTIPART_NEW_BOUNDARY];
  int result = 0;
  assert_int_equal(mh_multipart_boundary(boundary, counting, &result), 0);
  assert_string_equal(boundary, "moonherd-00112233445566778899aabbccddeeff");
  assert_true(mh_multipart_is_boundary(slice(boundary)));
  result = MOONHERD_EIO;
  assert_int_equal(mh_multipart_boundary(boundary, counting, &result), MOONHERD_EIO);
  assert_false(mh_multipart_is_boundary(slice("")));
  assert_false(mh_multipart_is_boundary(slice("ends with ")));
  assert_false(mh_multipart_is_boundary(slice("quote\"")));
  assert_false(mh_multipart_is_boundary((mh_slice){"nul\0", 4}));
  assert_false(mh_multipart_is_boundary(
      slice("12345678901234567890123456789012345678901234567890123456789012345678901")));
}

static void expect_type(const char *boundary, const char *type) {
  mh_buf to;
  mh_buf_init(&to, NULL);
  assert_int_equal(mh_multipart_write_type(&to, slice(boundary)), 0);
  assert_string_equal(mh_buf_cstr(&to), type);
  mh_multipart r;
  assert_int_equal(mh_multipart_init(&r, (mh_slice){to.data, to.len}, NULL, NULL), 0);
  assert_memory_equal(r.needle + 4, boundary, strlen(boundary));
  mh_multipart_fini(&r);
  mh_buf_fini(&to);
}

static void test_type(void **state) {
  (void)state;
  expect_type("moonherd-01", "multipart/form-data; boundary=moonherd-01");
  expect_type("a b:/=?", "multipart/form-data; boundary=\"a b:/=?\"");
}

/* ---- the content type ------------------------------------------------------------------------- */

static void test_content_types(void **state) {
  (void)state;
  const char *body = "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--";
  const char *good[] = {
      "multipart/form-data; boundary=\"b\"",
      "Multipart/Form-Data;BOUNDARY=b",
      "multipart/form-data; charset=utf-8; boundary=b; x=\"y;z\"",
      "multipart/form-data ; boundary = b ;",
      "multipart/mixed; boundary=b",
      "multipart/form-data; boundary=\"\\b\"",
  };
  for (size_t i = 0; i + 1 < sizeof good / sizeof good[0]; i++)
    expect(good[i], body, "part name=[x] headers=1\ndata [1]\nend\ndone\n");
  expect(good[5], "--\\b--", "done\n");
  const char *bad[] = {
      "multipart/form-data",
      "multipart/form-data; boundary",
      "multipart/form-data; boundary=",
      "multipart/form-data; boundary=\"\"",
      "multipart/form-data; boundary=\"b",
      "multipart/form-data; boundary=a; boundary=b",
      "multipart/form-data; boundary=a b",
      "multipart/form-data; boundary=\"a \"",
      "multipart/form-data; boundary=\xC3\xA9",
      ("multipart/form-data; "
       "boundary=12345678901234567890123456789012345678901234567890123456789012345678901"),
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) expect(bad[i], "", "bad_boundary at 0\n");
  expect("application/javascript", "", "not_multipart at 0\n");
  expect("multipart", "", "not_multipart at 0\n");
  expect("", "", "not_multipart at 0\n");
  expect(NULL, "", "not_multipart at 0\n");
}

/* ---- what is tolerated -------------------------------------------------------------------- */

static void test_around(void **state) {
  (void)state;
  const char *expected = "part name=[x] headers=1\ndata [1]\nend\ndone\n";
  expect(TYPE, "\r\n--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n\r\n",
         expected);
  expect(TYPE,
         "This is a preamble with --b in it.\n--bad\r\n--b \t\r\n"
         "Content-Disposition: form-data; name=x\r\n\r\n1\r\n--b--and an epilogue\r\n--b\r\n",
         expected);
}

static void test_headers(void **state) {
  (void)state;
  expect(TYPE,
         "--b\r\n"
         "content-TYPE: \t text/plain; charset=utf-8 \r\n"
         "X-Empty:\r\n"
         "CONTENT-disposition: Form-Data ; FileName=\"a b\";x=y ; NAME=n\r\n"
         "\r\n1\r\n--b--",
         "part name=[n] filename=[a b] type=[text/plain; charset=utf-8] headers=3\n"
         "data [1]\nend\ndone\n");
  expect(TYPE,
         "--b\r\nContent-Disposition: form-data;\r\n name=\"a\";\r\n\tfilename=\"f\"\r\n"
         "\r\n1\r\n--b--",
         "part name=[a] filename=[f] headers=1\ndata [1]\nend\ndone\n");
  expect("multipart/mixed; boundary=b", "--b\r\n\r\n1\r\n--b--",
         "part headers=0\ndata [1]\nend\ndone\n");
}

static void expect_name(const char *parameters, const char *expected) {
  char body[256], transcript[256];
  snprintf(body, sizeof body, "--b\r\nContent-Disposition: form-data; %s\r\n\r\n\r\n--b--",
           parameters);
  snprintf(transcript, sizeof transcript, "%s", expected);
  if (strstr(expected, "bad_header") == NULL)
    snprintf(transcript, sizeof transcript, "part name=%s headers=1\ndata []\nend\ndone\n",
             expected);
  expect(TYPE, body, transcript);
}

static void test_escapes(void **state) {
  (void)state;
  expect_name("name=\"a%22b%0d%0A\"", "[a\"b\r\n]");
  expect_name("name=\"a\\\"b\\\\c\\d\"", "[a\"b\\c\\d]");
  expect_name("name=\"%2\"", "[%2]");
  expect_name("name=\"\xE4\xB8\xAD\xF0\x9F\x8C\x9D\"", "[\xE4\xB8\xAD\xF0\x9F\x8C\x9D]");
  expect_name("name=\"\"", "[]");
  expect_name("name=a; filename*=UTF-8''%e2%82%ac%20x; filename=\"old\"",
              "[a] filename=[\xE2\x82\xAC x]");
  expect_name("name=a; filename=old; filename*=iso-8859-1'en'%E9", "[a] filename=[\xC3\xA9]");
  expect_name("name=a; filename*=utf-16''x", "bad_header at 5\n");
  expect_name("name=a; filename*=UTF-8''%4", "bad_header at 5\n");
  expect_name("name=a; filename*=UTF-8''%00", "bad_header at 5\n");
  expect_name("name=a; filename*=UTF-8'x", "bad_header at 5\n");
  expect_name("name=\"\xC0\xAF\"", "bad_header at 5\n");
  expect_name("name=\"\xED\xA0\x80\"", "bad_header at 5\n");
  expect_name("name=\"\xE2\x82\"", "bad_header at 5\n");
  expect_name("name=\"a", "bad_header at 5\n");
  expect_name("name=\"a\\\"", "bad_header at 5\n");
  expect_name("name=a b", "bad_header at 5\n");
  expect_name("name=a; name=b", "bad_header at 5\n");
  expect_name("name", "bad_header at 5\n");
  expect_name("=a", "bad_header at 5\n");
}

static void test_bare_lf(void **state) {
  (void)state;
  expect(TYPE,
         "--b\nContent-Disposition: form-data; name=x\n\none\r\n\n--b\n"
         "Content-Disposition: form-data; name=y\n\n\n--b--\n",
         "part name=[x] headers=1\ndata [one\r\n]\nend\npart name=[y] headers=1\ndata "
         "[]\nend\ndone\n");
  // The first boundary decides: where it ends in CRLF, a bare LF starts no boundary.
  expect(TYPE, "--b\r\nContent-Disposition: form-data; name=x\r\n\r\none\n--b\ntwo\r\n--b--\r\n",
         "part name=[x] headers=1\ndata [one\n--b\ntwo]\nend\ndone\n");
}

static void test_lookalikes(void **state) {
  (void)state;
  expect(TYPE,
         "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n"
         "\r\n--\r\n--B\r\n--bb\r\n--b-\r\n--b x\r\n--b\r\r\n-\r\n\r\n--b--",
         "part name=[x] headers=1\n"
         "data [\r\n--\r\n--B\r\n--bb\r\n--b-\r\n--b x\r\n--b\r\r\n-\r\n]\nend\ndone\n");
}

/* ---- blocks ------------------------------------------------------------------------------- */

static void expect_blocks(size_t length, size_t inline_max, size_t block) {
  mh_multipart_limits limits = {.inline_max = inline_max, .block = block};
  mh_buf body, transcript;
  mh_buf_init(&body, NULL);
  mh_buf_init(&transcript, NULL);
  mh_buf_puts(&body, "--b\r\nContent-Disposition: form-data; name=x\r\n\r\n");
  mh_buf_puts(&transcript, "part name=[x] headers=1\n");
  char content[64];
  for (size_t i = 0; i < length; i++) content[i] = "-\r\nb"[i % 4];
  mh_buf_append(&body, content, length);
  mh_buf_puts(&body, "\r\n--b--\r\n");
  bool is_large = length > inline_max;
  for (size_t at = 0; at < length || at == 0;) {
    size_t n = is_large && length - at > block ? block : length - at;
    mh_buf_printf(&transcript, "%s [%.*s]\n", is_large ? "block" : "data", (int)n, content + at);
    at += n > 0 ? n : 1;
  }
  mh_buf_puts(&transcript, "end\ndone\n");
  expect_limited(TYPE, (mh_slice){body.data, body.len}, &limits, mh_buf_cstr(&transcript));
  mh_buf_fini(&body);
  mh_buf_fini(&transcript);
}

static void test_blocks(void **state) {
  (void)state;
  for (size_t length = 0; length < 40; length++) {
    expect_blocks(length, 8, 8);
    expect_blocks(length, 20, 8);
    expect_blocks(length, 5, 12);
    expect_blocks(length, 1, 1);
  }
}

/* ---- limits and hostile bodies -------------------------------------------------------------- */

#define PART_X "Content-Disposition: form-data; name=x\r\n\r\n1"

static void test_structure_errors(void **state) {
  (void)state;
  expect(TYPE, "", "missing_boundary at 0\n");
  expect(TYPE, "--", "missing_boundary at 2\n");
  expect(TYPE, "{\"json\":true}", "missing_boundary at 13\n");
  expect(TYPE, "--b", "missing_boundary at 3\n");
  expect(TYPE, "--b\r\n", "truncated at 5\n");
  expect(TYPE, "--b\r\n" PART_X, "part name=[x] headers=1\ntruncated at 48\n");
  expect(TYPE, "--b\r\n" PART_X "\r\n--b", "part name=[x] headers=1\ntruncated at 53\n");
  expect(TYPE, "--b\r\n" PART_X "\r\n--b-", "part name=[x] headers=1\ntruncated at 54\n");
  expect(TYPE, "--b\r\n" PART_X "\r\n--b\r\n",
         "part name=[x] headers=1\ndata [1]\nend\ntruncated at 55\n");
  expect(TYPE, "--b\r\n\r\n1\r\n--b--", "missing_name at 5\n");
  expect(TYPE, "--b\r\nContent-Type: text/plain\r\n\r\n1\r\n--b--", "missing_name at 5\n");
  expect(TYPE, "--b\r\nA: b\r\nno colon\r\n\r\n1\r\n--b--", "bad_header at 11\n");
  expect(TYPE, "--b\r\nA b: c\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\n: c\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\n folded: c\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\nA: b\nC: d\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\nA: b\n c\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\nA: \x01\r\n\r\n1\r\n--b--", "bad_header at 5\n");
  expect(TYPE, "--b\r\n--b\r\n\r\n", "bad_header at 5\n");
  expect(TYPE,
         "--b\r\nContent-Disposition: form-data; name=x\r\n"
         "Content-Disposition: form-data; name=y\r\n\r\n1\r\n--b--",
         "bad_header at 5\n");
}

static void test_limits(void **state) {
  (void)state;
  mh_multipart_limits limits = {.max_parts = 1};
  const char *one = "--b\r\n" PART_X "\r\n--b--";
  const char *two = "--b\r\n" PART_X "\r\n--b\r\n" PART_X "\r\n--b--";
  const char *part = "part name=[x] headers=1\ndata [1]\nend\n";
  char expected[128];
  snprintf(expected, sizeof expected, "%sdone\n", part);
  expect_limited(TYPE, slice(one), &limits, expected);
  snprintf(expected, sizeof expected, "%stoo_many_parts at 55\n", part);
  expect_limited(TYPE, slice(two), &limits, expected);

  snprintf(expected, sizeof expected, "%sdone\n", part);
  limits = (mh_multipart_limits){.max_header = 40};
  expect_limited(TYPE, slice(one), &limits, expected);
  limits.max_header = 39;
  expect_limited(TYPE, slice(one), &limits, "header_too_long at 44\n");
  expect_limited(TYPE, slice("--b\r\nA: an unfinished header that goes on and on"), &limits,
                 "header_too_long at 44\n");
  expect_limited(TYPE, slice("a preamble that is too long to be one of ours\r\n--b--"), &limits,
                 "missing_boundary at 39\n");

  limits = (mh_multipart_limits){.max_total = strlen(one)};
  expect_limited(TYPE, slice(one), &limits, expected);
  limits.max_total--;
  expect_limited(TYPE, slice(one), &limits, "part name=[x] headers=1\ntoo_large at 54\n");
  limits.max_total = strlen(one);
  snprintf(expected, sizeof expected, "%stoo_large at 55\n", part);
  expect_limited(TYPE, slice("--b\r\n" PART_X "\r\n--b--\r\n"), &limits, expected);

  limits = (mh_multipart_limits){.max_name = 3};
  expect_name("name=abcd", "[abcd]");
  expect_limited(TYPE, slice("--b\r\nContent-Disposition: form-data; name=abcd\r\n\r\n"), &limits,
                 "name_too_long at 5\n");
}

static void test_many_headers(void **state) {
  (void)state;
  mh_buf body;
  mh_buf_init(&body, NULL);
  mh_buf_puts(&body, "--b\r\n");
  for (int i = 0; i <= MH_MULTIPART_HEADERS; i++) mh_buf_puts(&body, "A: b\r\n");
  mh_buf_puts(&body, "\r\n");
  expect_limited(TYPE, (mh_slice){body.data, body.len}, NULL, "bad_header at 197\n");
  mh_buf_fini(&body);
}

static void test_piled_up(void **state) {
  (void)state;
  const char *body = "--b\r\n" PART_X "\r\n--b\r\n" PART_X "\r\n--b--";
  mh_multipart r;
  mh_buf to;
  mh_buf_init(&to, NULL);
  assert_int_equal(mh_multipart_init(&r, slice(TYPE), NULL, NULL), 0);
  for (size_t i = 0; i < strlen(body); i++) assert_int_equal(mh_multipart_feed(&r, body + i, 1), 0);
  mh_multipart_finish(&r);
  assert_int_equal(pull(&r, &to), MH_MULTIPART_DONE);
  assert_string_equal(mh_buf_cstr(&to),
                      "part name=[x] headers=1\ndata [1]\nend\n"
                      "part name=[x] headers=1\ndata [1]\nend\n");
  mh_multipart_fini(&r);
  mh_buf_fini(&to);
}

static void test_read_without_memory(void **state) {
  (void)state;
  const char *body = "--b\r\n" PART_X "\r\n--b--";
  bool has_failed = false;
  for (size_t limit = 1; limit < 600; limit += 20) {
    mh_mem mem = {.limit = limit};
    mh_multipart r;
    mh_multipart_event event;
    assert_int_equal(mh_multipart_init(&r, slice(TYPE), NULL, &mem), 0);
    mh_multipart_kind kind = MH_MULTIPART_MORE;
    for (size_t i = 0; body[i] != '\0' && kind != MH_MULTIPART_ERROR; i++) {
      int e = mh_multipart_feed(&r, body + i, 1);
      while ((kind = mh_multipart_next(&r, &event)) > MH_MULTIPART_MORE) {
      }
      if (e != 0) assert_int_equal(kind, MH_MULTIPART_ERROR);
    }
    if (kind == MH_MULTIPART_ERROR) assert_string_equal(r.error.reason, "no_memory");
    has_failed = has_failed || kind == MH_MULTIPART_ERROR;
    mh_multipart_fini(&r);
    assert_int_equal(mem.used, 0);
  }
  assert_true(has_failed);
}

/* Feeds n bytes of a repeated pattern as one part, in pieces; returns the CPU seconds it took. */
static double measure(const char *boundary, const char *pattern, size_t n, size_t piece) {
  mh_buf type, body;
  mh_buf_init(&type, NULL);
  mh_buf_init(&body, NULL);
  mh_multipart_write_type(&type, slice(boundary));
  mh_buf_printf(&body, "--%s\r\nContent-Disposition: form-data; name=x\r\n\r\n", boundary);
  while (body.len < n) mh_buf_puts(&body, pattern);
  mh_multipart r;
  mh_multipart_event event;
  assert_int_equal(mh_multipart_init(&r, (mh_slice){type.data, type.len}, NULL, NULL), 0);
  clock_t start = clock();
  for (size_t at = 0; at < body.len; at += piece) {
    size_t left = body.len - at;
    mh_multipart_feed(&r, body.data + at, left < piece ? left : piece);
    while (mh_multipart_next(&r, &event) > MH_MULTIPART_MORE) {
    }
    assert_null(r.error.reason);
  }
  double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
  mh_multipart_fini(&r);
  mh_buf_fini(&type);
  mh_buf_fini(&body);
  return seconds;
}

/* Prints throughput; what it asserts is only that hostile bodies end. */
static void test_speed(void **state) {
  (void)state;
  const char *boundary = "moonherd-00112233445566778899aabbccddeeff";
  const char *patterns[][2] = {
      {"text", "export default { fetch() { return new Response('hello') } };\n"},
      {"near-boundaries", "\r\n--moonherd-00112233445566778899aabbccddeefe"},
      {"lookalikes", "\r\n--moonherd-00112233445566778899aabbccddeeff?"},
      {"line ends", "\r\n\r\n\r\n\r\n"},
      {"dashes", "----------------"},
  };
  size_t n = 4u << 20;
  for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
    double piece = measure(boundary, patterns[i][1], n, 16384);
    double byte = measure(boundary, patterns[i][1], n / 16, 1);
    print_message("multipart %-16s %6.0f MB/s in 16 KiB pieces, %5.1f MB/s byte by byte\n",
                  patterns[i][0], (double)n / 1e6 / piece, (double)n / 16e6 / byte);
  }
}

/* ---- mutations ---------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 7;
  *seed ^= *seed << 17;
  return *seed;
}

static void mutate(mh_buf *body, uint64_t *seed) {
  static const char *const pieces[] = {
      "\r\n", "--b", "--b--", "\n", "\r",  "-",          "b", ":",        ";",           "\"",
      "\\",   "%22", " ",     "\t", "\0x", "filename*=", "=", "\r\n\r\n", "\r\n--b\r\n", "\xC3"};
  size_t at = body->len == 0 ? 0 : next_random(seed) % body->len;
  size_t n = next_random(seed) % 4;
  if (n > body->len - at) n = body->len - at;
  memmove(body->data + at, body->data + at + n, body->len - at - n);
  body->len -= n;
  const char *piece = pieces[next_random(seed) % (sizeof pieces / sizeof pieces[0])];
  n = piece[0] == '\0' ? 2 : strlen(piece);
  mh_buf_reserve(body, n);
  memmove(body->data + at + n, body->data + at, body->len - at);
  memcpy(body->data + at, piece, n);
  body->len += n;
}

static size_t cut_random(size_t at, size_t arg) {
  uint64_t seed = (at + 1) * 2654435761u + arg;
  return 1 + next_random(&seed) % 24;
}

static void test_mutations(void **state) {
  (void)state;
  static const char seed_body[] =
      "preamble\r\n--b\r\nContent-Disposition: form-data; name=\"meta\"\r\n\r\n{\"a\":1}\r\n--b "
      "\r\n"
      "Content-Type: text/plain\r\nContent-Disposition: form-data; name=\"a%22\\\"\"; "
      "filename*=UTF-8''x%20y; filename=\"z\"\r\n\r\nsome content\r\n--bx\r\n that is longer\r\n"
      "--b--\r\n";
  mh_multipart_limits limits = {
      .max_parts = 3, .max_header = 150, .max_name = 12, .inline_max = 16, .block = 8};
  uint64_t seed = 88172645463325252u;
  clock_t end = clock() + CLOCKS_PER_SEC;
  size_t rounds = 0;
  for (; clock() < end; rounds++) {
    mh_buf body, whole;
    mh_buf_init(&body, NULL);
    mh_buf_init(&whole, NULL);
    mh_buf_append(&body, seed_body, sizeof seed_body - 1);
    for (size_t i = next_random(&seed) % 6; i > 0; i--) mutate(&body, &seed);
    limits.max_total = next_random(&seed) % 8 == 0 ? 1 + next_random(&seed) % 300 : 0;
    mh_slice bytes = {body.data, body.len};
    read_all(slice(TYPE), bytes, &limits, cut_never, 0, &whole);
    expect_same(slice(TYPE), bytes, &limits, &whole, cut_each, 1);
    expect_same(slice(TYPE), bytes, &limits, &whole, cut_random, rounds);
    mh_buf_fini(&body);
    mh_buf_fini(&whole);
  }
  assert_true(rounds > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_wrangler),
      cmocka_unit_test(test_curl_field),
      cmocka_unit_test(test_metadata_as_file),
      cmocka_unit_test(test_go),
      cmocka_unit_test(test_bracketed),
      cmocka_unit_test(test_settings),
      cmocka_unit_test(test_assets),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_no_parts),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_write_without_memory),
      cmocka_unit_test(test_boundary),
      cmocka_unit_test(test_type),
      cmocka_unit_test(test_content_types),
      cmocka_unit_test(test_around),
      cmocka_unit_test(test_headers),
      cmocka_unit_test(test_escapes),
      cmocka_unit_test(test_bare_lf),
      cmocka_unit_test(test_lookalikes),
      cmocka_unit_test(test_blocks),
      cmocka_unit_test(test_structure_errors),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_many_headers),
      cmocka_unit_test(test_piled_up),
      cmocka_unit_test(test_read_without_memory),
      cmocka_unit_test(test_speed),
      cmocka_unit_test(test_mutations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
