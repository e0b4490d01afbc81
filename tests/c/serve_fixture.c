/* See serve_fixture.h. */
#include "serve_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "moonherd.h"

int count_fds(void) {
  int n = 0;
  DIR *dir = opendir("/proc/self/fd");
  while (readdir(dir) != NULL) n++;
  closedir(dir);
  return n;
}

/* ---- the loop ----------------------------------------------------------------------------- */

int server_warm_up(void **state) {
  mh_loop loop;
  mh_clock clock;
  (void)state;
  mh_clock_init_real(&clock);
  if (mh_loop_init(&loop, &clock) != 0) return -1;
  mh_loop_fini(&loop);
  return 0;
}

int server_set_up(void **state) {
  fixture *f = calloc(1, sizeof *f);
  *state = f;
  if (f == NULL) return -1;
  f->fds = count_fds();
  mh_clock clock;
  mh_clock_init_virtual(&clock, 1767225600 * (int64_t)MH_SECOND);  // 2026-01-01, a Thursday
  f->options = mh_server_defaults;
  snprintf(f->folder, sizeof f->folder, "/tmp/moonherd-serve-XXXXXX");
  if (mkdtemp(f->folder) == NULL) return -1;
  if (mh_loop_init(&f->loop, &clock) != 0) return -1;
  f->loop.open_jobs = 1;  // the clock stands still
  return 0;
}

int server_tear_down(void **state) {
  fixture *f = *state;
  mh_server_free(f->server);
  for (size_t i = 0; i < f->client_count; i++) {
    if (f->clients[i].fd >= 0) close(f->clients[i].fd);
    mh_buf_fini(&f->clients[i].in);
  }
  for (int i = 0; i < 10; i++) step(f);
  int left = f->loop.open_handles != 0 || f->loop.ops != NULL || f->loop.timers.count != 0;
  mh_loop_fini(&f->loop);
  left |= count_fds() != f->fds || rmdir(f->folder) != 0;
  if (left) fprintf(stderr, "left open: handles, operations, timers, descriptors or files\n");
  free(f);
  return left;
}

void open_server(fixture *f) {
  const char *why;
  assert_int_equal(mh_server_open(&f->loop, &f->options, &f->server, &why), 0);
}

void step(fixture *f) {
  assert_true(mh_loop_step(&f->loop, 0, 0) >= 0);
}

void settle(fixture *f) {
  for (int i = 0; i < 50; i++) step(f);
}

static void on_end(mh_timer *timer) {
  (void)timer;  // it only has to be there: the clock stops at timers
}

void advance(fixture *f, double seconds) {
  mh_timer end = {.on_timer = on_end};
  settle(f);
  mh_timer_start(&f->loop, &end, mh_clock_after(mh_loop_now(&f->loop), seconds));
  f->loop.open_jobs = 0;
  while (mh_timer_is_running(&end)) step(f);
  f->loop.open_jobs = 1;
  settle(f);
}

void try_again(fixture *f, int tries, const char *what, const char *file, int line) {
  if (tries > 20000) {
    print_error("%s:%d: never became true: %s\n", file, line, what);
    for (size_t i = 0; i < f->client_count; i++)
      print_error("client %zu has: %.*s\n", i, (int)f->clients[i].in.len, f->clients[i].in.data);
    fail();
  }
  if (tries > 100) usleep(100);  // the kernel may need real time
  step(f);
}

/* ---- clients ------------------------------------------------------------------------------ */

static int connect_unix(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

static int connect_tcp(unsigned port) {
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  return fd;
}

client *connect_client(fixture *f) {
  assert_true(f->client_count < CLIENTS);
  client *c = &f->clients[f->client_count++];
  c->fd = f->options.unix_path != NULL ? connect_unix(f->options.unix_path)
                                       : connect_tcp(mh_server_port(f->server));
  mh_buf_init(&c->in, NULL);
  return c;
}

size_t put_some(client *c, const char *bytes, size_t n) {
  ssize_t sent = send(c->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent > 0 ? (size_t)sent : 0;
}

void put(client *c, const char *text) {
  assert_int_equal(put_some(c, text, strlen(text)), strlen(text));
}

void put_all(fixture *f, client *c, const char *bytes, size_t n) {
  size_t sent = 0;
  UNTIL(f, (sent += put_some(c, bytes + sent, n - sent)) == n);
}

void hang_up(client *c, bool is_reset) {
  struct linger linger = {.l_onoff = 1};
  if (is_reset) setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(c->fd);
  c->fd = -1;
}

static void receive(client *c) {
  char bytes[65536];
  for (;;) {
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) assert_int_equal(mh_buf_append(&c->in, bytes, (size_t)n), 0);
    else if (n < 0 && errno == EAGAIN) return;
    else break;
  }
  c->is_closed = true;
}

static const char *find(client *c, const char *text) {
  if (c->fd >= 0) receive(c);
  return c->in.len == 0 ? NULL : memmem(c->in.data, c->in.len, text, strlen(text));
}

bool has(client *c, const char *text) {
  return find(c, text) != NULL;
}

bool has_bytes(client *c, size_t n) {
  receive(c);
  return c->in.len >= n;
}

bool is_closed(client *c) {
  receive(c);
  return c->is_closed;
}

void expect(fixture *f, client *c, const char *text) {
  UNTIL(f, has(c, text));
  mh_buf_consume(&c->in, (size_t)(find(c, text) + strlen(text) - c->in.data));
}

void expect_closed(fixture *f, client *c) {
  UNTIL(f, is_closed(c));
  if (c->in.len > 0) fail_msg("more came: %.*s", (int)c->in.len, c->in.data);
}

void get(client *c, const char *target) {
  char text[512];
  snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", target);
  put(c, text);
}

/* ---- requests ----------------------------------------------------------------------------- */

mh_request *take(fixture *f) {
  mh_request *r;
  UNTIL(f, (r = mh_server_take(f->server)) != NULL);
  return r;
}

bool nothing_to_take(fixture *f) {
  settle(f);
  return mh_server_take(f->server) == NULL;
}

int try_answer(mh_request *r, unsigned status, const char *body) {
  mh_header header = {"content-type", "text/plain"};
  uv_buf_t segment = {(char *)(uintptr_t)body, strlen(body)};
  mh_answer a = {.status = status,
                 .headers = &header,
                 .header_count = 1,
                 .segments = &segment,
                 .segment_count = 1};
  return mh_request_answer(r, &a);
}

void answer(mh_request *r, unsigned status, const char *body) {
  assert_int_equal(try_answer(r, status, body), 0);
}

void finish(mh_request *r, unsigned status, const char *body) {
  answer(r, status, body);
  mh_request_drop(r);
}

const char *header_of(const mh_request *r, const char *name) {
  mh_header h;
  for (const char *at = NULL; (at = mh_request_header(r, at, &h)) != NULL;)
    if (strcmp(h.name, name) == 0) return h.value;
  return NULL;
}

int read_some(fixture *f, mh_request *r, size_t *n) {
  mh_op *op = mh_request_read(r);
  assert_non_null(op);
  UNTIL(f, op->is_done);
  *n = mh_request_body(r)->len;
  return op->status;
}

size_t read_all(fixture *f, mh_request *r, mh_buf *into) {
  size_t total = 0, n;
  for (;;) {
    assert_int_equal(read_some(f, r, &n), 0);
    if (n == 0) return total;
    if (into != NULL) mh_buf_append(into, mh_request_body(r)->data, n);
    mh_request_consume(r, n);
    total += n;
  }
}
