/* The HTTP server: what a client sees and what a handler gets, when both behave or err. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "moonherd.h"
#include "serve_fixture.h"

/* ---- requests ----------------------------------------------------------------------------- */

static void test_keep_alive(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  for (int i = 0; i < 3; i++) {
    get(c, "/");
    finish(take(f), 200, "hello");
    expect(f, c,
           "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\ncontent-type: text/plain\r\n"
           "Content-Length: 5\r\n\r\nhello");
  }
  assert_false(is_closed(c));
}

static void test_pipelining(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c,
      "GET /1 HTTP/1.1\r\n\r\nPUT /2 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /3 "
      "HTTP/1.1\r\n\r\n");
  mh_request *first = take(f);
  assert_string_equal(mh_request_target(first), "/1");
  assert_true(nothing_to_take(f));
  finish(first, 200, "one");
  mh_request *second = take(f);
  assert_string_equal(mh_request_target(second), "/2");
  assert_int_equal(read_all(f, second, NULL), 3);
  finish(second, 200, "two");
  finish(take(f), 200, "three");
  expect(f, c, "\r\n\r\none");
  expect(f, c, "\r\n\r\ntwo");
  expect(f, c, "\r\n\r\nthree");
}

static void test_head_of_a_request(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c,
      "PATCH /a%2Fb/%00?q=%26+x&y HTTP/1.1\r\nHost: example.test\r\nX-One:  two words\r\n"
      "x-one: again\r\nEmpty:\r\nContent-Length: 2\r\n\r\nhi");
  mh_request *r = take(f);
  assert_string_equal(mh_request_method(r), "PATCH");
  assert_string_equal(mh_request_target(r), "/a%2Fb/%00?q=%26+x&y");
  assert_string_equal(header_of(r, "host"), "example.test");
  assert_string_equal(header_of(r, "x-one"), "two words");
  assert_string_equal(header_of(r, "empty"), "");
  assert_null(header_of(r, "Host"));
  assert_int_equal(mh_request_length(r), 2);
  size_t count = 0;
  mh_header h;
  for (const char *at = NULL; (at = mh_request_header(r, at, &h)) != NULL;) count++;
  assert_int_equal(count, 5);
  finish(r, 200, "");
  expect(f, c, "Content-Length: 0\r\n\r\n");
}

static void test_taken_before_the_body(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 6\r\n\r\n");
  mh_request *r = take(f);
  mh_op *op = mh_request_read(r);
  settle(f);
  assert_false(op->is_done);
  assert_null(mh_request_read(r));  // somebody waits already
  put(c, "abc");
  UNTIL(f, op->is_done);
  assert_int_equal(mh_request_body(r)->len, 3);
  mh_request_consume(r, 1);
  put(c, "def");
  mh_buf rest;
  mh_buf_init(&rest, NULL);
  assert_int_equal(read_all(f, r, &rest), 5);
  assert_memory_equal(rest.data, "bcdef", 5);
  mh_buf_fini(&rest);
  finish(r, 200, "ok");
  expect(f, c, "\r\n\r\nok");
}

static void test_chunked_request(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  mh_request *r = take(f);
  assert_int_equal(mh_request_length(r), -1);
  put(c, "a;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n");
  mh_buf body;
  mh_buf_init(&body, NULL);
  assert_int_equal(read_all(f, r, &body), 13);
  assert_memory_equal(body.data, "abc0123456789", 13);
  mh_buf_fini(&body);
  finish(r, 200, "ok");
  expect(f, c, "\r\n\r\nok");
  get(c, "/next");
  finish(take(f), 200, "next");
  expect(f, c, "\r\n\r\nnext");
}

static void test_empty_chunked_request(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  mh_request *r = take(f);
  assert_int_equal(read_all(f, r, NULL), 0);
  finish(r, 200, "ok");
  expect(f, c, "\r\n\r\nok");
}

/* A body that nobody reads must not pile up here: the sender is held, and let go on later. */
static void test_back_pressure(void **state) {
  enum { SIZE = 24 * 1024 * 1024 };
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  char *bytes = malloc(SIZE), head[80];
  for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * 7919 >> 3);
  snprintf(head, sizeof head, "PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n", SIZE);
  put(c, head);
  mh_request *r = take(f);
  size_t sent = 0, seen;
  do {
    seen = sent;
    for (int i = 0; i < 20; i++) {
      sent += put_some(c, bytes + sent, SIZE - sent);
      settle(f);
    }
  } while (sent > seen);
  assert_true(sent < SIZE);
  assert_true(mh_request_body(r)->len <= 512 * 1024);
  advance(f, 3600);  // held for us: no limit on the sender holds
  mh_buf body;
  mh_buf_init(&body, NULL);
  while (body.len < SIZE) {
    size_t n;
    sent += put_some(c, bytes + sent, SIZE - sent);
    assert_int_equal(read_some(f, r, &n), 0);
    mh_buf_append(&body, mh_request_body(r)->data, n);
    mh_request_consume(r, n);
  }
  assert_memory_equal(body.data, bytes, SIZE);
  assert_int_equal(read_all(f, r, NULL), 0);
  mh_buf_fini(&body);
  free(bytes);
  finish(r, 200, "ok");
  expect(f, c, "\r\n\r\nok");
}

static void test_expect_continue(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  mh_request *r = take(f);
  settle(f);
  assert_false(has(c, "HTTP"));
  mh_op *op = mh_request_read(r);
  expect(f, c, "HTTP/1.1 100 Continue\r\n\r\n");
  assert_false(op->is_done);
  put(c, "hi");
  UNTIL(f, op->is_done);
  assert_int_equal(read_all(f, r, NULL), 2);
  finish(r, 200, "ok");
  expect(f, c, "\r\n\r\nok");
  assert_false(is_closed(c));
}

static void test_expect_continue_refused(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  finish(take(f), 401, "no");
  expect(f, c, "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nDate: ");
  expect(f, c, "Content-Length: 2\r\ncontent-type: text/plain\r\n\r\nno");
  expect_closed(f, c);
}

/* ---- answers ------------------------------------------------------------------------------ */

static void ask(client *c, const char *method, const char *version) {
  char text[80];
  snprintf(text, sizeof text, "%s / HTTP/%s\r\n\r\n", method, version);
  put(c, text);
}

static void test_answers_without_body(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  ask(c, "HEAD", "1.1");
  finish(take(f), 200, "hello");
  expect(f, c, "Content-Length: 5\r\n\r\n");
  get(c, "/");
  finish(take(f), 204, "hello");
  expect(f, c, "HTTP/1.1 204 No Content\r\nDate: ");
  expect(f, c, "content-type: text/plain\r\n\r\n");
  get(c, "/");
  finish(take(f), 304, "hello");
  expect(f, c, "HTTP/1.1 304 Not Modified\r\n");
  expect(f, c, "\r\n\r\n");
  get(c, "/");
  finish(take(f), 200, "body");
  expect(f, c, "\r\n\r\nbody");
}

static void on_release(void *owner) {
  (*(int *)owner)++;
}

/* Long bodies are not copied, in however many pieces: they are released once they have been sent. */
static void send_long(fixture *f, client *c, size_t segments, size_t size, int *released) {
  char *bytes = malloc(size * segments);
  uv_buf_t *parts = calloc(segments, sizeof *parts);
  for (size_t i = 0; i < size * segments; i++) bytes[i] = (char)('a' + i * 31 % 23);
  for (size_t i = 0; i < segments; i++) parts[i] = uv_buf_init(bytes + i * size, (unsigned)size);
  mh_answer a = {.status = 200,
                 .segments = parts,
                 .segment_count = segments,
                 .release = on_release,
                 .owner = released};
  get(c, "/");
  mh_request *r = take(f);
  assert_int_equal(mh_request_answer(r, &a), 0);
  mh_request_drop(r);
  expect(f, c, "\r\n\r\n");
  UNTIL(f, has_bytes(c, size * segments));
  assert_int_equal(c->in.len, size * segments);
  assert_memory_equal(c->in.data, bytes, c->in.len);
  mh_buf_clear(&c->in);
  UNTIL(f, *released == 1);
  free(bytes);
  free(parts);
}

static void test_long_answers(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  int released[4] = {0};
  send_long(f, c, 1, 10 * 1024 * 1024, &released[0]);
  send_long(f, c, 40, 100 * 1000, &released[1]);
  send_long(f, c, 3000, 100, &released[2]);
  send_long(f, c, 3, 10, &released[3]);
  settle(f);
  for (int i = 0; i < 4; i++) assert_int_equal(released[i], 1);
}

static mh_request *begin(fixture *f, int64_t length) {
  mh_header header = {"x-kind", "stream"};
  mh_answer head = {.status = 200, .headers = &header, .header_count = 1};
  mh_request *r = take(f);
  assert_int_equal(mh_request_begin(r, &head, length), 0);
  return r;
}

static void test_stream_chunked(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request *r = begin(f, -1);
  settle(f);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  expect(f, c, "x-kind: stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  expect(f, c, "5\r\nhello\r\n");
  advance(f, 3600);  // waits for us, not for the client
  assert_int_equal(mh_request_write(r, "you", 3), 0);
  assert_int_equal(mh_request_finish(r), 0);
  expect(f, c, "3\r\nyou\r\n0\r\n\r\n");
  assert_int_equal(mh_request_write(r, "x", 1), MOONHERD_EINVAL);
  mh_request_drop(r);
  get(c, "/");
  finish(take(f), 200, "next");
  expect(f, c, "\r\n\r\nnext");
}

static void test_stream_of_stated_length(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request *r = begin(f, 8);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  assert_int_equal(mh_request_write(r, "world", 5), MOONHERD_EINVAL);
  assert_int_equal(mh_request_write(r, "you", 3), 0);
  assert_int_equal(mh_request_finish(r), 0);
  mh_request_drop(r);
  expect(f, c, "Content-Length: 8\r\n\r\nhelloyou");
  get(c, "/");
  r = begin(f, 8);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  settle(f);
  assert_int_equal(mh_request_finish(r), MOONHERD_EINVAL);  // three are missing: cut off
  mh_request_drop(r);
  expect(f, c, "hello");
  expect_closed(f, c);
}

static void test_stream_to_others(void **state) {
  fixture *f = *state;
  open_server(f);
  settle(f);
  int before = count_fds() + 2;
  client *head = connect_client(f), *old = connect_client(f);
  ask(head, "HEAD", "1.1");
  mh_request *r = begin(f, -1);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  expect(f, head, "\r\n\r\n");
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  assert_int_equal(mh_request_finish(r), 0);
  mh_request_drop(r);
  expect_closed(f, head);
  ask(old, "GET", "1.0");
  r = begin(f, -1);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  assert_int_equal(mh_request_finish(r), 0);
  mh_request_drop(r);
  expect(f, old, "Connection: close\r\n");
  expect(f, old, "\r\n\r\nhello");
  expect_closed(f, old);
  UNTIL(f, count_fds() == before);
}

static void test_stream_back_pressure(void **state) {
  static char block[100 * 1024];
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request *r = begin(f, -1);
  size_t total = 0;
  mh_op *op;
  for (;;) {
    assert_int_equal(mh_request_write(r, block, sizeof block), 0);
    total += sizeof block;
    op = mh_request_drain(r);
    settle(f);
    if (!op->is_done) break;
    assert_true(total < 64 * 1024 * 1024);
  }
  assert_null(mh_request_drain(r));
  UNTIL(f, has_bytes(c, 1) && op->is_done);
  assert_int_equal(op->status, 0);
  assert_int_equal(mh_request_finish(r), 0);
  mh_request_drop(r);
  UNTIL(f, has(c, "\r\n0\r\n\r\n"));
  assert_true(c->in.len > total);
}

/* ---- answers before the end of the body --------------------------------------------------- */

static void test_answer_while_the_body_comes(void **state) {
  static char block[1000 * 1000];
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\nabc");
  mh_request *r = take(f);
  size_t n;
  assert_int_equal(read_some(f, r, &n), 0);
  finish(r, 400, "malformed");
  put_all(f, c, block, sizeof block);  // the client goes on sending, and must not see a reset
  expect(f, c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
  expect(f, c, "\r\n\r\nmalformed");
  expect_closed(f, c);
}

/* Who sends more than is worth reading is held, and closed after a while. */
static void test_answer_to_a_flood(void **state) {
  static char block[1000 * 1000];
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
  finish(take(f), 400, "stop");
  size_t sent = 0;
  for (int i = 0; i < 200; i++) {
    sent += put_some(c, block, sizeof block);
    settle(f);
  }
  assert_true(sent > 1000 * 1000);
  assert_true(sent < 60 * 1000 * 1000);
  expect(f, c, "\r\n\r\nstop");
  advance(f, 6);
  UNTIL(f, is_closed(c));
}

static void test_small_rest_keeps_the_connection(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 6\r\n\r\n");
  finish(take(f), 401, "no");
  put(c, "abcdef");
  expect(f, c, "HTTP/1.1 401 Unauthorized\r\nDate: ");
  expect(f, c, "\r\n\r\nno");
  get(c, "/");
  finish(take(f), 200, "next");
  expect(f, c, "\r\n\r\nnext");
}

static void test_stream_before_the_end_of_the_body(void **state) {
  static char block[200 * 1000];
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n");
  mh_request *r = begin(f, -1);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  assert_int_equal(mh_request_finish(r), 0);
  mh_request_drop(r);
  put_all(f, c, block, sizeof block);
  expect(f, c, "5\r\nhello\r\n0\r\n\r\n");
  assert_false(is_closed(c));
}

/* ---- mistakes ----------------------------------------------------------------------------- */

static void test_bad_requests(void **state) {
  static const char *const bad[] = {
      "PUT / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
      "PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length : 3\r\n\r\n",
      "GET /a b HTTP/1.1\r\n\r\n",
      "GET /\x01 HTTP/1.1\r\n\r\n",
  };
  fixture *f = *state;
  open_server(f);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    client *c = connect_client(f);
    put(c, bad[i]);
    expect(f, c, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
    expect(f, c, "Content-Length: 0\r\n\r\n");
    expect_closed(f, c);
    assert_true(nothing_to_take(f));
  }
}

/* What the library rejects never reaches a handler; it may answer by itself, and always closes. */
static void test_what_the_library_rejects(void **state) {
  static const char *const bad[] = {
      "nonsense\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / HTTP/0.9\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/1.1\r\nno colon\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
  };
  fixture *f = *state;
  open_server(f);
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    client *c = connect_client(f);
    put(c, bad[i]);
    UNTIL(f, is_closed(c));
    assert_false(has(c, "HTTP/1.1 2"));
    assert_true(nothing_to_take(f));
  }
}

static void test_bad_chunks(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  mh_request *r = take(f);
  size_t n;
  assert_int_equal(read_some(f, r, &n), 0);
  assert_int_equal(n, 3);
  mh_request_consume(r, n);
  put(c, "xyz\r\n");
  assert_int_equal(read_some(f, r, &n), MOONHERD_ECLOSED);
  assert_int_equal(try_answer(r, 200, "ok"), MOONHERD_ECLOSED);
  mh_request_drop(r);
  UNTIL(f, is_closed(c));
  assert_false(has(c, "HTTP/1.1 2"));
}

static void test_bad_answers(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request *r = take(f);
  static const mh_header bad[] = {{"a b", "c"}, {"", "c"}, {"a", "b\r\nc: d"}, {"a", "b\n"}};
  int released = 0;
  for (size_t i = 0; i < 4; i++) {
    mh_answer a = {.status = 200,
                   .headers = &bad[i],
                   .header_count = 1,
                   .release = on_release,
                   .owner = &released};
    assert_int_equal(mh_request_answer(r, &a), MOONHERD_EINVAL);
  }
  assert_int_equal(released, 4);
  assert_int_equal(try_answer(r, 101, "x"), MOONHERD_EINVAL);
  assert_int_equal(try_answer(r, 600, "x"), MOONHERD_EINVAL);
  assert_int_equal(mh_request_write(r, "x", 1), MOONHERD_EINVAL);
  assert_int_equal(mh_request_finish(r), MOONHERD_EINVAL);
  answer(r, 200, "once");
  assert_int_equal(try_answer(r, 200, "twice"), MOONHERD_EBUSY);
  expect(f, c, "\r\n\r\nonce");
  assert_int_equal(try_answer(r, 200, "thrice"), MOONHERD_EBUSY);
  mh_request_drop(r);
  settle(f);
  assert_false(has(c, "ice"));
}

static void test_framing_headers_are_ours(void **state) {
  static const mh_header headers[] = {{"Content-Length", "77"},
                                      {"Transfer-Encoding", "chunked"},
                                      {"Connection", "close"},
                                      {"Date", "then"}};
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request *r = take(f);
  mh_answer a = {.status = 299, .headers = headers, .header_count = 4};
  assert_int_equal(mh_request_answer(r, &a), 0);
  mh_request_drop(r);
  expect(f, c, "HTTP/1.1 299 ");
  expect(f, c, "Connection: close\r\nDate: then\r\nContent-Length: 0\r\n\r\n");
  expect_closed(f, c);
}

static void test_dropped(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_request_drop(take(f));
  expect(f, c, "HTTP/1.1 500 Internal Server Error\r\n");
  expect(f, c, "Content-Length: 0\r\n\r\n");
  get(c, "/");
  mh_request *r = begin(f, -1);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  expect(f, c, "hello\r\n");
  int before = count_fds();
  mh_request_drop(r);  // the client must not take it for the whole
  expect_closed(f, c);
  UNTIL(f, count_fds() == before - 1);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_set_up, server_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_keep_alive),
      TEST(test_pipelining),
      TEST(test_head_of_a_request),
      TEST(test_taken_before_the_body),
      TEST(test_chunked_request),
      TEST(test_empty_chunked_request),
      TEST(test_back_pressure),
      TEST(test_expect_continue),
      TEST(test_expect_continue_refused),
      TEST(test_answers_without_body),
      TEST(test_long_answers),
      TEST(test_stream_chunked),
      TEST(test_stream_of_stated_length),
      TEST(test_stream_to_others),
      TEST(test_stream_back_pressure),
      TEST(test_answer_while_the_body_comes),
      TEST(test_answer_to_a_flood),
      TEST(test_small_rest_keeps_the_connection),
      TEST(test_stream_before_the_end_of_the_body),
      TEST(test_bad_requests),
      TEST(test_what_the_library_rejects),
      TEST(test_bad_chunks),
      TEST(test_bad_answers),
      TEST(test_framing_headers_are_ours),
      TEST(test_dropped),
  };
  return cmocka_run_group_tests(tests, server_warm_up, NULL);
}
