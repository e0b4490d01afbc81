/* The HTTP server: limits on size and time, clients that go away, closing, sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "moonherd.h"
#include "serve_fixture.h"

/* ---- size --------------------------------------------------------------------------------- */

static void put_large_head(client *c, size_t size) {
  char *value = malloc(size + 1);
  memset(value, 'v', size);
  value[size] = '\0';
  put(c, "GET / HTTP/1.1\r\nX-Large: ");
  put(c, value);
  put(c, "\r\n\r\n");
  free(value);
}

static void test_headers_over_the_limit(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put_large_head(c, 30 * 1024);
  mh_request *r = take(f);
  assert_int_equal(mh_request_too_large(r), MH_FITS);
  assert_int_equal(strlen(header_of(r, "x-large")), 30 * 1024);
  finish(r, 200, "fits");
  expect(f, c, "\r\n\r\nfits");
  put_large_head(c, 40 * 1024);
  r = take(f);
  assert_int_equal(mh_request_too_large(r), MH_LARGE_HEADERS);
  size_t n;
  assert_int_equal(read_some(f, r, &n), MOONHERD_EFULL);
  finish(r, 431, "too large");
  expect(f, c, "HTTP/1.1 431 ");
  expect(f, c, "\r\n\r\ntoo large");
  expect_closed(f, c);
}

static void test_a_query_of_many_parameters(void **state) {
  enum { PARAMETERS = 30000 };
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  char *target = malloc(PARAMETERS + 4);
  target[0] = '/', target[1] = '?';
  memset(target + 2, '&', PARAMETERS);
  target[PARAMETERS + 2] = 'a', target[PARAMETERS + 3] = '\0';
  put(c, "GET ");
  put(c, target);
  put(c, " HTTP/1.1\r\nHost: x\r\n\r\n");
  mh_request *r = take(f);
  assert_string_equal(mh_request_target(r), target);
  finish(r, 200, "fits");
  expect(f, c, "\r\n\r\nfits");
  free(target);
}

/* More than the library can hold: it answers by itself, without us. */
static void test_headers_over_all_limits(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  put_large_head(c, 200 * 1024);
  UNTIL(f, is_closed(c));
  assert_false(has(c, "HTTP/1.1 2"));
  assert_true(nothing_to_take(f));
}

static void test_stated_body_over_the_limit(void **state) {
  fixture *f = *state;
  f->options.body_limit = 1000;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n");
  mh_request *r = take(f);
  assert_int_equal(mh_request_too_large(r), MH_FITS);
  finish(r, 200, "fits");
  c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
  r = take(f);
  assert_int_equal(mh_request_too_large(r), MH_LARGE_BODY);
  size_t n;
  assert_int_equal(read_some(f, r, &n), MOONHERD_EFULL);
  finish(r, 413, "too large");
  expect(f, c, "HTTP/1.1 413 ");
  expect(f, c, "\r\n\r\ntoo large");
  expect_closed(f, c);
}

static void put_chunk(fixture *f, client *c, size_t size) {
  char head[32], *bytes = malloc(size);
  memset(bytes, 'b', size);
  snprintf(head, sizeof head, "%zx\r\n", size);
  put_all(f, c, head, strlen(head));
  put_all(f, c, bytes, size);
  put_all(f, c, "\r\n", 2);
  free(bytes);
}

static void test_unstated_body_over_the_limit(void **state) {
  fixture *f = *state;
  f->options.body_limit = 10000;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  mh_request *r = take(f);
  put_chunk(f, c, 9000);
  size_t n;
  do assert_int_equal(read_some(f, r, &n), 0);
  while (n < 9000);
  mh_request_consume(r, n);
  put_chunk(f, c, 9000);
  assert_int_equal(read_some(f, r, &n), MOONHERD_EFULL);
  assert_int_equal(n, 0);
  assert_int_equal(mh_request_too_large(r), MH_LARGE_BODY);
  put_chunk(f, c, 900 * 1000);  // dropped, not yet held
  finish(r, 413, "too large");
  expect(f, c, "HTTP/1.1 413 ");
  expect(f, c, "\r\n\r\ntoo large");
  expect_closed(f, c);
}

/* The body ends before the server has had enough: the ordinary way, but the connection closes. */
static void test_body_slightly_over_the_limit(void **state) {
  fixture *f = *state;
  f->options.body_limit = 100;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  put_chunk(f, c, 200);
  put(c, "0\r\n\r\n");
  mh_request *r = take(f);
  settle(f);
  finish(r, 413, "too large");
  expect(f, c, "HTTP/1.1 413 ");
  expect(f, c, "Connection: close\r\n");
  expect(f, c, "\r\n\r\ntoo large");
  expect_closed(f, c);
}

/* Whoever is slow to answer does not make the server read on. */
static void test_flood_over_the_limit(void **state) {
  static char block[100 * 1000];
  fixture *f = *state;
  f->options.body_limit = 100;
  open_server(f);
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n");
  mh_request *r = take(f);
  size_t sent = 0, seen;
  do {
    seen = sent;
    for (int i = 0; i < 20; i++) {
      sent += put_some(c, block, sizeof block);
      settle(f);
    }
  } while (sent > seen);
  assert_true(sent < 100 * 1000 * 1000);
  assert_int_equal(mh_request_body(r)->len, 0);
  finish(r, 413, "too large");
  expect(f, c, "\r\n\r\ntoo large");
  advance(f, 6);
  UNTIL(f, is_closed(c));
}

/* ---- time --------------------------------------------------------------------------------- */

static void test_idle_clients(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  finish(take(f), 200, "ok");
  expect(f, c, "\r\n\r\nok");
  advance(f, 59);
  assert_false(is_closed(c));
  get(c, "/");
  finish(take(f), 200, "ok");
  expect(f, c, "\r\n\r\nok");
  advance(f, 59);
  assert_false(is_closed(c));
  advance(f, 2);
  expect_closed(f, c);
}

static void test_slow_heads(void **state) {
  fixture *f = *state;
  open_server(f);
  client *silent = connect_client(f), *slow = connect_client(f), *late = connect_client(f);
  get(late, "/");
  finish(take(f), 200, "ok");
  expect(f, late, "\r\n\r\nok");
  put(slow, "GET / HTTP/1.1\r\n");
  put(late, "GET / HTTP/1.1\r\n");
  for (int i = 0; i < 9; i++) {
    advance(f, 1);
    put(slow, "X: y\r\n");
    put(late, "X: y\r\n");
  }
  assert_false(is_closed(silent) || is_closed(slow) || is_closed(late));
  advance(f, 2);
  expect_closed(f, silent);
  expect_closed(f, slow);
  expect_closed(f, late);
  assert_true(nothing_to_take(f));
}

static int body_status_after(fixture *f, double seconds, size_t bytes_a_second) {
  static char block[4096];
  client *c = connect_client(f);
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 90000000\r\n\r\n");
  mh_request *r = take(f);
  mh_op *op = mh_request_read(r);
  for (int i = 0; i < (int)seconds && !(op->is_done && op->status != 0); i++) {
    if (bytes_a_second > 0) put_all(f, c, block, bytes_a_second);
    advance(f, 1);
    mh_request_consume(r, mh_request_body(r)->len);
    if (op->is_done && op->status == 0) op = mh_request_read(r);
  }
  int status = op->is_done ? op->status : 0;
  if (status != 0) expect_closed(f, c);
  mh_request_drop(r);
  settle(f);
  return status;
}

static void test_slow_bodies(void **state) {
  fixture *f = *state;
  open_server(f);
  assert_int_equal(body_status_after(f, 29, 0), 0);
  assert_int_equal(body_status_after(f, 31, 0), MOONHERD_ETIMEOUT);
  assert_int_equal(body_status_after(f, 200, 100), MOONHERD_ETIMEOUT);
  assert_int_equal(body_status_after(f, 200, 400), 0);
}

/* Reads nothing for 100 seconds, or a little every ten. Whether the whole answer then comes. */
static bool survives(fixture *f, bool reads) {
  static char block[8 * 1024 * 1024], scrap[256 * 1024];
  client *c = connect_client(f);
  uv_buf_t segment = uv_buf_init(block, sizeof block);
  mh_answer a = {.status = 200, .segments = &segment, .segment_count = 1};
  size_t total = 0;
  get(c, "/");
  mh_request *r = take(f);
  assert_int_equal(mh_request_answer(r, &a), 0);
  mh_request_drop(r);
  for (int i = 0; i < 10; i++) {
    settle(f);
    if (reads) total += (size_t)recv(c->fd, scrap, sizeof scrap, MSG_DONTWAIT);
    usleep(2000);  // the kernel acknowledges in real time
    advance(f, 10);
  }
  UNTIL(f, is_closed(c) || c->in.len + total > sizeof block);
  return c->in.len + total > sizeof block;
}

static void test_slow_readers(void **state) {
  fixture *f = *state;
  open_server(f);
  assert_false(survives(f, false));
  assert_true(survives(f, true));
  char path[100];
  snprintf(path, sizeof path, "%s/socket", f->folder);
  f->options.unix_path = path;
  mh_server_free(f->server);
  open_server(f);
  assert_false(survives(f, false));
  assert_true(survives(f, true));
  f->options.unix_path = NULL;
}

/* ---- clients that go away ----------------------------------------------------------------- */

static void on_gone(void *user) {
  (*(int *)user)++;
}

static void test_gone_while_the_handler_waits(void **state) {
  fixture *f = *state;
  open_server(f);
  for (int is_reset = 0; is_reset < 2; is_reset++) {
    int gone = 0;
    client *c = connect_client(f);
    get(c, "/");
    mh_request *r = take(f);
    mh_request_on_gone(r, on_gone, &gone);
    advance(f, 1);
    assert_int_equal(gone, 0);
    hang_up(c, is_reset);
    UNTIL(f, gone == 1);
    assert_int_equal(try_answer(r, 200, "late"), MOONHERD_ECLOSED);
    settle(f);
    assert_int_equal(gone, 1);
    mh_request_drop(r);
  }
}

static void test_gone_in_mid_body(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  int gone = 0;
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc");
  mh_request *r = take(f);
  mh_request_on_gone(r, on_gone, &gone);
  hang_up(c, false);
  UNTIL(f, gone == 1);
  size_t n;
  assert_int_equal(read_some(f, r, &n), 0);  // what came is there
  assert_int_equal(n, 3);
  mh_request_consume(r, n);
  assert_int_equal(read_some(f, r, &n), MOONHERD_ECLOSED);
  mh_request_drop(r);
}

static void test_gone_together_with_its_last_bytes(void **state) {
  fixture *f = *state;
  open_server(f);
  static const char *const heads[] = {"Content-Length: 100\r\n\r\nabc",
                                      "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"};
  for (size_t i = 0; i < 2; i++) {
    client *c = connect_client(f);
    int gone = 0;
    put(c, "PUT / HTTP/1.1\r\n");
    put(c, heads[i]);
    hang_up(c, false);
    mh_request *r = take(f);
    mh_request_on_gone(r, on_gone, &gone);
    size_t n;
    assert_int_equal(read_some(f, r, &n), 0);
    mh_request_consume(r, n);
    advance(f, 0.1);
    UNTIL(f, gone == 1);
    assert_int_equal(read_some(f, r, &n), MOONHERD_ECLOSED);
    mh_request_drop(r);
  }
}

static void test_gone_before_it_was_taken(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  get(c, "/");
  mh_op *op = mh_server_accept(f->server);
  UNTIL(f, op->is_done);
  advance(f, 1);
  hang_up(c, false);
  settle(f);
  assert_true(nothing_to_take(f));
}

static void test_gone_in_mid_answer(void **state) {
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  int gone = 0;
  mh_answer head = {.status = 200};
  get(c, "/");
  mh_request *r = take(f);
  mh_request_on_gone(r, on_gone, &gone);
  assert_int_equal(mh_request_begin(r, &head, -1), 0);
  assert_int_equal(mh_request_write(r, "hello", 5), 0);
  expect(f, c, "hello");
  hang_up(c, true);
  advance(f, 1);
  UNTIL(f, gone == 1);
  assert_int_equal(mh_request_write(r, "x", 1), MOONHERD_ECLOSED);
  mh_op *op = mh_request_drain(r);
  assert_true(op->is_done && op->status == MOONHERD_ECLOSED);
  assert_int_equal(mh_request_finish(r), MOONHERD_ECLOSED);
  mh_request_drop(r);
}

/* The end of a client that comes together with its last bytes. */
static void test_gone_at_once(void **state) {
  static const char *const starts[] = {
      "GET",
      "GET / HTTP/1.1\r\nX: y",
      "PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
      "PUT / HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
  };
  fixture *f = *state;
  open_server(f);
  settle(f);
  int before = count_fds();
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++) {
    client *c = connect_client(f);
    settle(f);
    put(c, starts[i]);
    hang_up(c, false);
    settle(f);
    mh_request *r = mh_server_take(f->server);
    assert_int_equal(r != NULL, i > 1);
    advance(f, 0.1);
    if (r != NULL) assert_int_equal(try_answer(r, 200, "late"), MOONHERD_ECLOSED);
    if (r != NULL) mh_request_drop(r);
    assert_int_equal(count_fds(), before);
  }
  client *c = connect_client(f);  // one that is answered without having been held
  put(c, "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
  finish(take(f), 200, "ok");
  put(c, "abc");
  hang_up(c, false);
  advance(f, 2);
  assert_int_equal(count_fds(), before);
}

/* Who has said all may shut down its side, and still gets an answer that comes soon. */
static void test_half_closed_clients(void **state) {
  static const char *const requests[] = {
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.0\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  };
  fixture *f = *state;
  open_server(f);
  settle(f);
  for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
    client *c = connect_client(f);
    put(c, requests[i]);
    shutdown(c->fd, SHUT_WR);
    settle(f);
    finish(take(f), 200, "ok");
    expect(f, c, "\r\n\r\nok");
    expect_closed(f, c);
  }
}

/* An answer that has been given is out of the handler's hands. */
static void test_gone_behind_the_answer(void **state) {
  static char block[8 * 1024 * 1024];
  fixture *f = *state;
  open_server(f);
  client *c = connect_client(f);
  int gone = 0;
  uv_buf_t segment = uv_buf_init(block, sizeof block);
  mh_answer a = {
      .status = 200, .segments = &segment, .segment_count = 1, .release = on_gone, .owner = &gone};
  get(c, "/");
  mh_request *r = take(f);
  int told = 0;
  mh_request_on_gone(r, on_gone, &told);
  assert_int_equal(mh_request_answer(r, &a), 0);
  expect(f, c, "\r\n\r\n");
  hang_up(c, true);
  UNTIL(f, gone == 1);
  assert_int_equal(told, 0);
  mh_request_drop(r);
}

/* Clients that leave abruptly at any moment, and others beside them that must not notice. */
static void test_storm_of_resets(void **state) {
  static const char *const starts[] = {
      "",
      "GET",
      "GET / HTTP/1.1\r\nX: y",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: 100\r\n\r\nabc",
      "PUT / HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc",
      "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      "PUT / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
  };
  fixture *f = *state;
  open_server(f);
  client *steady = connect_client(f);
  unsigned seed = 1;
  for (int i = 0; i < 400; i++) {
    seed = seed * 1103515245 + 12345;
    client *c = connect_client(f);
    put(c, starts[(seed >> 16) % 9]);
    for (unsigned j = (seed >> 8) % 4; j > 0; j--) step(f);
    mh_request *r = mh_server_take(f->server);
    if (r != NULL && seed % 2 == 0) try_answer(r, 200, "ok");
    hang_up(c, seed % 3 != 0);
    if (r != NULL) mh_request_drop(r);
    f->client_count--;
    mh_buf_fini(&c->in);
  }
  mh_request *r;
  advance(f, 1);
  while ((r = mh_server_take(f->server)) != NULL) mh_request_drop(r);
  get(steady, "/");
  finish(take(f), 200, "still here");
  expect(f, steady, "\r\n\r\nstill here");
}

/* ---- closing ------------------------------------------------------------------------------ */

static void test_graceful_stop(void **state) {
  fixture *f = *state;
  open_server(f);
  client *idle = connect_client(f), *busy = connect_client(f), *untaken = connect_client(f);
  get(idle, "/");
  finish(take(f), 200, "ok");
  expect(f, idle, "\r\n\r\nok");
  get(busy, "/");
  mh_request *r = take(f);
  get(untaken, "/");
  settle(f);
  mh_op *op = mh_server_stop(f->server);
  assert_null(mh_server_stop(f->server));
  expect_closed(f, idle);
  expect(f, untaken, "HTTP/1.1 503 ");
  expect(f, untaken, "Content-Length: 0\r\n\r\n");
  expect_closed(f, untaken);
  advance(f, 100);
  assert_false(op->is_done);
  mh_op *accept = mh_server_accept(f->server);
  assert_true(accept->is_done && accept->status == MOONHERD_ECLOSED);
  finish(r, 200, "last");
  expect(f, busy, "Connection: close\r\n");
  expect(f, busy, "\r\n\r\nlast");
  expect_closed(f, busy);
  UNTIL(f, op->is_done);
  assert_true(mh_server_stop(f->server)->is_done);
}

static void test_stop_of_an_idle_server(void **state) {
  fixture *f = *state;
  open_server(f);
  mh_op *accept = mh_server_accept(f->server);
  assert_null(mh_server_accept(f->server));
  assert_true(mh_server_stop(f->server)->is_done);
  assert_int_equal(accept->status, MOONHERD_ECLOSED);
}

/* With a request in every state there is. */
static void test_free_with_everything_under_way(void **state) {
  static char block[100 * 1000];
  fixture *f = *state;
  open_server(f);
  mh_request *r[6];
  int gone = 0, released = 0;
  mh_answer head = {.status = 200};
  for (int i = 0; i < 6; i++) {
    client *c = connect_client(f);
    if (i < 3) get(c, "/");
    else put(c, "PUT / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\nabc");
    r[i] = take(f);
    mh_request_on_gone(r[i], on_gone, &gone);
    if (i == 4) put_all(f, c, block, sizeof block);
  }
  assert_int_equal(mh_request_begin(r[1], &head, -1), 0);
  settle(f);
  uv_buf_t segments[100];
  for (int i = 0; i < 100; i++) segments[i] = uv_buf_init(block, sizeof block);
  mh_answer large = {.status = 200,
                     .segments = segments,
                     .segment_count = 100,
                     .release = on_gone,
                     .owner = &released};
  assert_int_equal(mh_request_answer(r[2], &large), 0);
  assert_int_equal(mh_request_answer(r[5], &large), 0);
  mh_op *read = mh_request_read(r[3]);
  mh_request_consume(r[3], mh_request_body(r[3])->len);
  get(connect_client(f), "/untaken");
  put(connect_client(f), "GET /half");
  settle(f);
  mh_server_free(f->server);
  f->server = NULL;
  assert_int_equal(gone, 4);
  assert_int_equal(released, 2);
  assert_true(read->is_done);
  for (int i = 0; i < 6; i++) mh_request_drop(r[i]);
}

/* ---- sockets ------------------------------------------------------------------------------ */

static int try_open(fixture *f, const char **why) {
  mh_server *server = NULL;
  int e = mh_server_open(&f->loop, &f->options, &server, why);
  assert_true((e == 0) == (server != NULL));
  mh_server_free(server);
  return e;
}

static void assert_not_opened(fixture *f, const char *reason) {
  const char *why = NULL;
  assert_int_equal(try_open(f, &why), MOONHERD_EIO);
  assert_string_equal(why, reason);
}

static void test_unix_socket(void **state) {
  fixture *f = *state;
  char path[100];
  struct stat file;
  snprintf(path, sizeof path, "%s/socket", f->folder);
  f->options.unix_path = path;
  mode_t mask = umask(0);
  open_server(f);
  umask(mask);
  assert_int_equal(mh_server_port(f->server), 0);
  assert_int_equal(stat(path, &file), 0);
  assert_int_equal(file.st_mode & 07777, 0600);
  client *c = connect_client(f);
  get(c, "/");
  finish(take(f), 200, "ok");
  expect(f, c, "\r\n\r\nok");
  assert_not_opened(f, "address_in_use");
  mh_server_free(f->server);
  f->server = NULL;
  assert_int_equal(access(path, F_OK), -1);
  f->options.unix_path = NULL;
}

static void test_unix_socket_in_the_way(void **state) {
  fixture *f = *state;
  char path[100], too_long[251] = {0};
  snprintf(path, sizeof path, "%s/socket", f->folder);
  f->options.unix_path = path;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  close(fd);  // nobody listens: left behind by somebody who was killed
  const char *why;
  assert_int_equal(try_open(f, &why), 0);
  fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  close(fd);
  assert_not_opened(f, "address_in_use");  // not a socket: not ours to remove
  assert_int_equal(unlink(path), 0);
  memset(too_long, 'x', sizeof too_long - 1);
  f->options.unix_path = too_long;
  assert_not_opened(f, "path_too_long");
  f->options.unix_path = NULL;
}

static void test_addresses(void **state) {
  fixture *f = *state;
  open_server(f);
  f->options.port = mh_server_port(f->server);
  assert_true(f->options.port > 0);
  assert_not_opened(f, "address_in_use");
  f->options.port = 65536;
  assert_not_opened(f, "bad_address");
  f->options.port = 0;
  f->options.host = "not an address";
  assert_not_opened(f, "bad_address");
  f->options.host = "192.0.2.1";
  assert_not_opened(f, "bad_address");
  const char *why;
  f->options.host = "localhost";
  assert_int_equal(try_open(f, &why), 0);
}

static void test_max_connections(void **state) {
  fixture *f = *state;
  f->options.max_connections = 2;
  open_server(f);
  client *a = connect_client(f), *b = connect_client(f);
  get(a, "/");
  get(b, "/");
  mh_request *first = take(f), *second = take(f);
  client *c = connect_client(f);
  get(c, "/third");
  assert_true(nothing_to_take(f));
  hang_up(a, false);
  advance(f, 1);
  mh_request_drop(first);
  mh_request *third = take(f);
  assert_string_equal(mh_request_target(third), "/third");
  finish(third, 200, "ok");
  finish(second, 200, "ok");
  expect(f, c, "\r\n\r\nok");
}

static void test_no_descriptor_is_lost(void **state) {
  fixture *f = *state;
  open_server(f);
  settle(f);
  int before = count_fds();
  for (int i = 0; i < 300; i++) {
    client *c = connect_client(f);
    bool has_body = i % 3 == 0;
    put(c, has_body ? "PUT / HTTP/1.1\r\nContent-Length: 900000\r\n\r\nabc"
                    : "GET / HTTP/1.1\r\n\r\n");
    mh_request *r = take(f);
    if (i % 5 == 0) advance(f, 1);
    finish(r, 200, "ok");
    expect(f, c, "\r\n\r\nok");
    hang_up(c, i % 2 == 0);
    f->client_count--;
    mh_buf_fini(&c->in);
  }
  advance(f, 1);
  assert_int_equal(count_fds(), before);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, server_set_up, server_tear_down)
  const struct CMUnitTest tests[] = {
      TEST(test_headers_over_the_limit),
      TEST(test_a_query_of_many_parameters),
      TEST(test_headers_over_all_limits),
      TEST(test_stated_body_over_the_limit),
      TEST(test_unstated_body_over_the_limit),
      TEST(test_body_slightly_over_the_limit),
      TEST(test_flood_over_the_limit),
      TEST(test_idle_clients),
      TEST(test_slow_heads),
      TEST(test_slow_bodies),
      TEST(test_slow_readers),
      TEST(test_gone_while_the_handler_waits),
      TEST(test_gone_in_mid_body),
      TEST(test_gone_together_with_its_last_bytes),
      TEST(test_gone_before_it_was_taken),
      TEST(test_gone_in_mid_answer),
      TEST(test_gone_at_once),
      TEST(test_half_closed_clients),
      TEST(test_gone_behind_the_answer),
      TEST(test_storm_of_resets),
      TEST(test_graceful_stop),
      TEST(test_stop_of_an_idle_server),
      TEST(test_free_with_everything_under_way),
      TEST(test_unix_socket),
      TEST(test_unix_socket_in_the_way),
      TEST(test_addresses),
      TEST(test_max_connections),
      TEST(test_no_descriptor_is_lost),
  };
  return cmocka_run_group_tests(tests, server_warm_up, NULL);
}
