/* What comes of HTTP transfers: answers of all shapes, reuse of connections, unix sockets, proxies,
 * connections that break, TLS. */
#include "http_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- results ------------------------------------------------------------------------------ */

static void answers_with_headers(standin_peer *p) {
  while (standin_request(p))
    standin_send(
        p, "HTTP/1.1 404 Not Found\r\nX-One:  a b \r\nEmpty:\r\nContent-Length: 3\r\n\r\nabc");
}

static void test_status_headers_body(void **state) {
  http_fixture *f = *state;
  http_serve(f, answers_with_headers);
  http_get(f, &f->t);
  assert_int_equal(f->t.status, 404);
  http_assert_body(&f->t, "abc");
  assert_string_equal(http_header_of(&f->t, "X-One"), "a b");
  assert_string_equal(http_header_of(&f->t, "Empty"), "");
  assert_string_equal(http_header_of(&f->t, "Content-Length"), "3");
  assert_null(http_header_of(&f->t, "Missing"));
  assert_true(f->t.was_sent);
}

static void test_connections_are_reused(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_always_ok);
  for (int i = 0; i < 20; i++) {
    http_get(f, &f->t);
    http_assert_body(&f->t, "ok");
  }
  assert_int_equal(standin_connections(f->server), 1);
  assert_int_equal(standin_requests(f->server), 20);
}

static void test_request_bytes(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_echo);
  http_ask_server(f, &f->t, "PATCH", "/a/../b%2Fc?d=e");
  http_add_header(&f->t, "X-Key", "value");
  http_add_header(&f->t, "X-Empty", "");
  http_add_header(&f->t, "User-Agent", "mine");
  assert_int_equal(mh_transfer_add_segment(&f->t, "one body", 8), 0);
  http_run(f, &f->t);
  char expected[512];
  snprintf(expected, sizeof expected,
           "PATCH /a/../b%%2Fc?d=e HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: */*\r\n"
           "Accept-Encoding: gzip, deflate\r\nX-Key: value\r\nX-Empty:\r\nUser-Agent: mine\r\n"
           "Content-Length: 8\r\n\r\none body",
           standin_port(f->server));
  http_assert_body(&f->t, expected);
}

static void test_bad_texts_are_refused(void **state) {
  http_fixture *f = *state;
  mh_transfer *t = &f->t;
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_METHOD, "G ET", 4), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_METHOD, "", 0), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_URL, "http://a\0b", 10), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_URL, "http://a/\r\nX: y", 14), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_add_header(t, "A", 1, "b\r\nC: d", 7), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_add_header(t, "A:", 2, "b", 1), MOONHERD_EINVAL);
  assert_int_equal(mh_transfer_add_header(t, "content-LENGTH", 14, "1", 1), MOONHERD_EINVAL);
}

static void test_methods_share_handles(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_echo);
  static const char *const methods[] = {"GET", "POST", "HEAD", "DELETE",
                                        "PUT", "GET",  "HEAD", "POST"};
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    mh_transfer_reset(&f->t);
    http_ask_server(f, &f->t, methods[i], "/");
    bool has_body = methods[i][0] == 'P';
    if (has_body) mh_transfer_add_segment(&f->t, "payload", 7);
    if (strcmp(methods[i], "HEAD") == 0) continue;  // the echo does not know it
    http_run(f, &f->t);
    assert_int_equal(f->t.reason, MH_HTTP_OK);
    mh_buf_putc(&f->t.body, '\0');
    assert_memory_equal(f->t.body.data, methods[i], strlen(methods[i]));
    assert_int_equal(strstr(f->t.body.data, "payload") != NULL, has_body);
    assert_int_equal(strstr(f->t.body.data, "Content-Length: 7") != NULL, has_body);
    assert_null(strstr(f->t.body.data, "Content-Type"));
  }
}

static void without_bodies(standin_peer *p) {
  while (standin_request(p)) {
    if (strncmp(p->head, "HEAD", 4) == 0)
      standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n");
    else if (strncmp(p->head, "GET", 3) == 0)
      standin_send(p, "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n");
    else
      standin_send(p,
                   "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n"
                   "HTTP/1.1 204 No Content\r\nX: y\r\n\r\n");
  }
}

static void test_answers_without_body(void **state) {
  http_fixture *f = *state;
  http_serve(f, without_bodies);
  static const char *const methods[] = {"HEAD", "GET", "DELETE", "HEAD"};
  static const int statuses[] = {200, 304, 204, 200};
  for (int i = 0; i < 4; i++) {
    mh_transfer_reset(&f->t);
    http_ask_server(f, &f->t, methods[i], "/");
    http_run(f, &f->t);
    http_assert_body(&f->t, "");
    assert_int_equal(f->t.status, statuses[i]);
    assert_null(http_header_of(&f->t, "Link"));
  }
  assert_int_equal(standin_connections(f->server), 1);
}

static void test_empty_body_has_a_length(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_echo);
  http_ask_server(f, &f->t, "PUT", "/");
  mh_transfer_have_body(&f->t);
  http_run(f, &f->t);
  mh_buf_putc(&f->t.body, '\0');
  assert_non_null(strstr(f->t.body.data, "\r\nContent-Length: 0\r\n"));
}

static void sends_chunks(standin_peer *p) {
  while (standin_request(p)) {
    standin_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
    standin_pause(p, 10);
    standin_send(p, "lo\r\n6;ext=1\r\n world\r\n0\r\nTrailer: ignored\r\n\r\n");
  }
}

static void test_chunked_answer(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_chunks);
  for (int i = 0; i < 2; i++) {
    http_get(f, &f->t);
    http_assert_body(&f->t, "hello world");
    assert_null(http_header_of(&f->t, "Trailer"));
  }
  assert_int_equal(standin_connections(f->server), 1);
}

static void sends_bad_chunks(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n");
  standin_until_gone(p);
}

static void test_bad_chunks(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_bad_chunks);
  http_get(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_PROTOCOL, "chunk");
}

static void sends_gzip(standin_peer *p) {
  static const char body[] =
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x4b\x4c\x4a\x06\x00\xc2\x41"
      "\x24\x35\x03\x00\x00\x00";
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 23\r\n\r\n");
  standin_send_bytes(p, body, 23);
  standin_until_gone(p);
}

static void test_compressed_answer(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_gzip);
  http_get(f, &f->t);
  http_assert_body(&f->t, "abc");
}

static void sends_garbage_behind(standin_peer *p) {
  if (!standin_request(p)) return;
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nforged");
  standin_until_gone(p);
}

static void test_trailing_garbage_ends_the_connection(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_garbage_behind);
  http_get(f, &f->t);
  http_assert_body(&f->t, "ok");
  http_get(f, &f->t);
  http_assert_body(&f->t, "ok");
  assert_int_equal(standin_connections(f->server), 2);
}

static void sends_large_headers(standin_peer *p) {
  static char line[60 * 1024];
  memset(line, 'x', sizeof line - 1);
  size_t count = p->user != NULL && standin_request(p) ? (size_t)atoi(strchr(p->head, '/') + 1) : 0;
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n");
  for (size_t i = 0; i < count; i++) {
    standin_send(p, "X-Long: ");
    standin_send(p, line);
    standin_send(p, "\r\n");
  }
  standin_send(p, "\r\nok");
}

static void test_large_headers(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_large_headers);
  http_ask_server(f, &f->t, "GET", "/2");
  http_run(f, &f->t);
  http_assert_body(&f->t, "ok");
  assert_true(f->t.head.len > 2 * 60 * 1024);
  mh_transfer_reset(&f->t);
  http_ask_server(f, &f->t, "GET", "/5");
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_TOO_LARGE, "headers");
}

static void sends_one_endless_line(standin_peer *p) {
  static char bytes[64 * 1024];
  memset(bytes, 'x', sizeof bytes);
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nX: ");
  while (standin_send_bytes(p, bytes, sizeof bytes)) continue;
}

static void test_endless_header_line(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_one_endless_line);
  http_get(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_TOO_LARGE, "header");
}

static void test_too_large(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_chunks);
  http_ask_server(f, &f->t, "GET", "/");
  f->t.max_body = 11;
  http_run(f, &f->t);
  http_assert_body(&f->t, "hello world");
  mh_transfer_reset(&f->t);
  http_ask_server(f, &f->t, "GET", "/");
  f->t.max_body = 10;
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_TOO_LARGE, "over 10 bytes (limit: max_body)");
}

static void announces_much(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\nx");
  standin_until_gone(p);
}

static void test_announced_too_large(void **state) {
  http_fixture *f = *state;
  http_serve(f, announces_much);
  http_get(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_TOO_LARGE, "limit: max_body");
  assert_int_equal(f->t.body.len, 0);
}

static void test_no_memory_is_a_result(void **state) {
  http_fixture *f = *state;
  http_serve(f, sends_large_headers);
  http_ask_server(f, &f->t, "GET", "/2");
  f->mem.limit = f->mem.used + 50000;
  http_run(f, &f->t);
  f->mem.limit = 0;
  http_assert_failed(&f->t, MH_HTTP_NO_MEMORY, "no memory");
}

static int describe(http_fixture *f) {
  mh_transfer *t = &f->t;
  int e = mh_transfer_set_text(t, MH_TEXT_METHOD, "POST", 4);
  const char *url = standin_url(f->server);
  if (e == 0) e = mh_transfer_set_text(t, MH_TEXT_URL, url, strlen(url));
  if (e == 0) e = mh_transfer_add_header(t, "X-Name", 6, "value", 5);
  if (e == 0) e = mh_transfer_add_segment(t, "one", 3);
  if (e == 0) e = mh_transfer_add_segment(t, "two", 3);
  return e;
}

static void test_any_allocation_may_fail(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_echo);
  bool was_refused = true;
  for (size_t n = 1; was_refused; n++) {
    assert_true(n < 100);
    mh_transfer_fini(&f->t);
    mh_transfer_init(&f->t, f->http, &f->mem);
    f->mem.fail_at = n;
    int e = describe(f);
    if (e == 0) http_run(f, &f->t);
    was_refused = f->mem.fail_at == 0;
    f->mem.fail_at = 0;
    if (e != 0) assert_int_equal(e, MOONHERD_ENOMEM);
    else if (f->t.reason != MH_HTTP_OK) http_assert_failed(&f->t, MH_HTTP_NO_MEMORY, "memory");
  }
  assert_int_equal(f->t.reason, MH_HTTP_OK);
}

static void test_bad_urls(void **state) {
  http_fixture *f = *state;
  static const char *const urls[] = {
      "ftp://localhost/",        "http://",    "nonsense://x", "http://a b/", "file:///etc/passwd",
      "http://127.0.0.1:99999/", "localhost/", "127.0.0.1:80"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    mh_transfer_reset(&f->t);
    http_ask(&f->t, "GET", urls[i]);
    http_run(f, &f->t);
    http_assert_failed(&f->t, MH_HTTP_BAD_URL, "");
    assert_false(f->t.was_sent);
  }
}

static void test_dns_failed(void **state) {
  http_fixture *f = *state;
  char url[128];  // a label of 64 digits: the resolver refuses it without asking anybody
  snprintf(url, sizeof url, "http://%064d.invalid/", 0);
  http_ask(&f->t, "GET", url);
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_DNS_FAILED, "resolve");
  assert_false(f->t.was_sent);
}

static void test_connect_failed(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_always_ok);
  char url[64];
  snprintf(url, sizeof url, "%s/", standin_url(f->server));
  standin_stop(f->server);
  f->server = NULL;
  http_ask(&f->t, "GET", url);
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_CONNECT_FAILED, "onnect");
  assert_false(f->t.was_sent);
}

/* ---- unix sockets ------------------------------------------------------------------------- */

static void ask_unix(http_fixture *f, const char *path) {
  mh_transfer_reset(&f->t);
  http_ask(&f->t, "GET", "http://localhost/");
  mh_transfer_set_text(&f->t, MH_TEXT_UNIX_SOCKET, path, strlen(path));
  http_run(f, &f->t);
}

static void says_user(standin_peer *p) {
  while (standin_request(p)) {
    standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n");
    standin_send(p, p->user);
  }
}

static void test_unix_sockets_are_not_mixed(void **state) {
  http_fixture *f = *state;
  char a[128], b[128];
  snprintf(a, sizeof a, "%s/a", f->dir);
  snprintf(b, sizeof b, "%s/b", f->dir);
  standin *at_a = standin_start(a, says_user, (void *)"A");
  standin *at_b = standin_start(b, says_user, (void *)"B");
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  for (int i = 0; i < 3; i++) {
    ask_unix(f, a);
    http_assert_body(&f->t, "A");
    ask_unix(f, b);
    http_assert_body(&f->t, "B");
  }
  http_serve(f, http_always_ok);
  http_get(f, &f->t);  // loopback: no proxy either
  unsetenv("http_proxy");
  http_assert_body(&f->t, "ok");
  assert_int_equal(standin_connections(at_a), 1);
  assert_int_equal(standin_connections(at_b), 1);
  standin_stop(at_a);
  standin_stop(at_b);
  ask_unix(f, a);
  http_assert_failed(&f->t, MH_HTTP_CONNECT_FAILED, "");
}

static void test_environment_proxy(void **state) {
  http_fixture *f = *state;
  http_serve(f, http_echo);
  setenv("http_proxy", standin_url(f->server), 1);
  http_ask(&f->t, "GET", "http://moonherd.invalid/path");
  http_run(f, &f->t);
  unsetenv("http_proxy");
  assert_int_equal(f->t.reason, MH_HTTP_OK);
  assert_memory_equal(f->t.body.data, "GET http://moonherd.invalid/path HTTP/1.1", 41);
}

/* ---- connections that break --------------------------------------------------------------- */

static void resets_at_once(standin_peer *p) {
  standin_reset(p);
}

static void resets_after_request(standin_peer *p) {
  standin_request(p);
  standin_reset(p);
}

static void closes_in_head(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Le");
}

static void resets_in_body(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  standin_pause(p, 20);
  standin_reset(p);
}

static void closes_in_body(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
}

static void closes_in_chunks(standin_peer *p) {
  standin_request(p);
  standin_send(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
}

static void resets_after_body(standin_peer *p) {
  standin_request(p);
  standin_send(p, OK_ANSWER);
  standin_pause(p, 20);
  standin_reset(p);
}

static void test_broken_connections(void **state) {
  http_fixture *f = *state;
  standin_script *const scripts[] = {resets_at_once, resets_after_request, closes_in_head,
                                     resets_in_body, closes_in_body,       closes_in_chunks};
  for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
    standin *server = f->server = standin_start(NULL, scripts[i], f);
    mh_transfer_reset(&f->t);
    http_ask_server(f, &f->t, "POST", "/");
    mh_transfer_add_segment(&f->t, "body", 4);
    http_run(f, &f->t);
    // The first may come before the connection is seen to stand.
    bool is_refused = i == 0 && f->t.reason == MH_HTTP_CONNECT_FAILED;
    if (!is_refused) http_assert_failed(&f->t, MH_HTTP_CONNECTION_RESET, "");
    if (i > 0) assert_true(f->t.was_sent);
    standin_stop(server);
  }
  f->server = NULL;
}

static void test_reset_after_the_body_is_no_failure(void **state) {
  http_fixture *f = *state;
  http_serve(f, resets_after_body);
  for (int i = 0; i < 2; i++) {
    http_get(f, &f->t);
    http_assert_body(&f->t, "ok");
    http_step_for(f, 10);  // the reset arrives between two requests
  }
  assert_int_equal(standin_connections(f->server), 2);
}

/* The second request of a connection is read, and the connection closed without an answer. */
static void drops_second_request(standin_peer *p) {
  if (!standin_request(p)) return;
  standin_send(p, OK_ANSWER);
  standin_request(p);
}

static void test_only_safe_requests_are_repeated(void **state) {
  http_fixture *f = *state;
  http_serve(f, drops_second_request);
  http_get(f, &f->t);
  http_get(f, &f->t);  // dropped on the first connection, repeated on the second
  http_assert_body(&f->t, "ok");
  assert_int_equal(standin_connections(f->server), 2);
  assert_int_equal(standin_requests(f->server), 3);
  mh_transfer_reset(&f->t);
  http_ask_server(f, &f->t, "DELETE", "/");
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_CONNECTION_RESET, "closed");
  assert_true(f->t.was_sent);
  assert_int_equal(standin_requests(f->server), 4);
  http_get(f, &f->t);
  mh_transfer_reset(&f->t);
  http_ask_server(f, &f->t, "POST", "/");
  mh_transfer_add_segment(&f->t, "ab", 2);
  mh_transfer_add_segment(&f->t, "cd", 2);
  http_run(f, &f->t);
  http_assert_failed(&f->t, MH_HTTP_CONNECTION_RESET, "");
  assert_true(f->t.was_sent);
  assert_int_equal(standin_requests(f->server), 6);
}

static void closes_idle(standin_peer *p) {
  if (!standin_request(p)) return;
  standin_send(p, OK_ANSWER);
}

static void test_stale_connection_is_replaced(void **state) {
  http_fixture *f = *state;
  http_serve(f, closes_idle);
  for (int i = 0; i < 3; i++) {
    mh_transfer_reset(&f->t);
    http_ask_server(f, &f->t, "POST", "/");
    mh_transfer_add_segment(&f->t, "body", 4);
    http_run(f, &f->t);
    http_assert_body(&f->t, "ok");
    while (standin_ended(f->server) <= (unsigned)i) http_step_for(f, 1);
    http_step_for(f, 2);  // the close arrives
  }
  assert_int_equal(standin_requests(f->server), 3);
}

/* ---- TLS ---------------------------------------------------------------------------------- */

typedef struct tls_server {
  pid_t pid;
  int port;
  char cert[128], key[128];
} tls_server;

static bool make_certificate(http_fixture *f, tls_server *s) {
  char command[1024];
  snprintf(s->cert, sizeof s->cert, "%s/cert.pem", f->dir);
  snprintf(s->key, sizeof s->key, "%s/key.pem", f->dir);
  snprintf(command, sizeof command,
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
           "-subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -keyout %s -out %s 2>/dev/null",
           s->key, s->cert);
  return system(command) == 0;
}

/* `openssl s_server`, which answers every request with a page about the session. */
static void start_tls(tls_server *s, bool wants_certificate) {
  int out[2];
  assert_int_equal(pipe(out), 0);
  s->pid = fork();
  if (s->pid == 0) {
    dup2(out[1], 1);
    dup2(open("/dev/null", O_WRONLY), 2);
    close(out[0]);
    execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", s->cert, "-key",
           s->key, "-www", wants_certificate ? "-Verify" : NULL, "1", "-verify_return_error",
           "-CAfile", s->cert, NULL);
    _exit(1);
  }
  close(out[1]);
  FILE *lines = fdopen(out[0], "r");
  char line[256];
  while (s->port == 0 && fgets(line, sizeof line, lines) != NULL)
    sscanf(line, "ACCEPT 127.0.0.1:%d", &s->port);
  assert_true(s->port > 0);
  fclose(lines);
}

static void stop_tls(tls_server *s) {
  kill(s->pid, SIGKILL);
  waitpid(s->pid, NULL, 0);
  unlink(s->cert);
  unlink(s->key);
}

static void ask_tls(http_fixture *f, const tls_server *s, const char *ca_file,
                    bool has_certificate) {
  char url[64];
  snprintf(url, sizeof url, "https://127.0.0.1:%d/", s->port);
  mh_transfer_reset(&f->t);
  http_ask(&f->t, "GET", url);
  if (ca_file != NULL) mh_transfer_set_text(&f->t, MH_TEXT_CA_FILE, ca_file, strlen(ca_file));
  if (has_certificate) {
    mh_transfer_set_text(&f->t, MH_TEXT_CERT_FILE, s->cert, strlen(s->cert));
    mh_transfer_set_text(&f->t, MH_TEXT_KEY_FILE, s->key, strlen(s->key));
  }
  http_run(f, &f->t);
}

static void test_tls(void **state) {
  http_fixture *f = *state;
  tls_server s = {0};
  if (!make_certificate(f, &s)) skip();
  start_tls(&s, false);
  ask_tls(f, &s, s.cert, false);
  assert_int_equal(f->t.reason, MH_HTTP_OK);
  assert_int_equal(f->t.status, 200);
  assert_true(f->t.body.len > 100);
  ask_tls(f, &s, NULL, false);  // not signed by anybody the system trusts
  http_assert_failed(&f->t, MH_HTTP_TLS_FAILED, "certificate");
  assert_false(f->t.was_sent);
  ask_tls(f, &s, "/nonexistent/ca.pem", false);
  http_assert_failed(&f->t, MH_HTTP_TLS_FAILED, "/nonexistent/ca.pem");
  ask_tls(f, &s, s.cert, false);
  assert_int_equal(f->t.reason, MH_HTTP_OK);
  stop_tls(&s);
}

static void test_client_certificate(void **state) {
  http_fixture *f = *state;
  tls_server s = {0};
  if (!make_certificate(f, &s)) skip();
  start_tls(&s, true);
  ask_tls(f, &s, s.cert, true);
  assert_int_equal(f->t.reason, MH_HTTP_OK);
  ask_tls(f, &s, s.cert, false);
  assert_int_not_equal(f->t.reason, MH_HTTP_OK);
  stop_tls(&s);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      TEST(status_headers_body),
      TEST(connections_are_reused),
      TEST(request_bytes),
      TEST(bad_texts_are_refused),
      TEST(methods_share_handles),
      TEST(answers_without_body),
      TEST(empty_body_has_a_length),
      TEST(chunked_answer),
      TEST(bad_chunks),
      TEST(compressed_answer),
      TEST(trailing_garbage_ends_the_connection),
      TEST(large_headers),
      TEST(endless_header_line),
      TEST(too_large),
      TEST(announced_too_large),
      TEST(no_memory_is_a_result),
      TEST(any_allocation_may_fail),
      TEST(bad_urls),
      TEST(dns_failed),
      TEST(connect_failed),
      TEST(unix_sockets_are_not_mixed),
      TEST(environment_proxy),
      TEST(broken_connections),
      TEST(reset_after_the_body_is_no_failure),
      TEST(only_safe_requests_are_repeated),
      TEST(stale_connection_is_replaced),
      TEST(tls),
      TEST(client_certificate),
  };
  return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
