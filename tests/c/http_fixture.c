/* The fixture of the HTTP tests. See http_fixture.h. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int set_up_with(void **state, const mh_clock *clock) {
  http_fixture *f = calloc(1, sizeof *f);
  snprintf(f->dir, sizeof f->dir, "/tmp/moonherd-http-XXXXXX");
  assert_non_null(mkdtemp(f->dir));
  assert_int_equal(mh_loop_init(&f->host.loop, clock), 0);
  f->host.max_transfers = 64;
  f->http = mh_http_of(&f->host);
  assert_non_null(f->http);
  assert_ptr_equal(mh_http_of(&f->host), f->http);
  mh_transfer_init(&f->t, f->http, &f->mem);
  mh_transfer_init(&f->other, f->http, &f->mem);
  *state = f;
  return 0;
}

int http_set_up(void **state) {
  mh_clock clock;
  mh_clock_init_real(&clock);
  return set_up_with(state, &clock);
}

/* The clock stands while `open_jobs` is not 0: the stand-in is not part of the loop. */
int http_set_up_virtual(void **state) {
  mh_clock clock;
  mh_clock_init_virtual(&clock, 0);
  set_up_with(state, &clock);
  ((http_fixture *)*state)->host.loop.open_jobs++;
  return 0;
}

int http_tear_down(void **state) {
  http_fixture *f = *state;
  mh_transfer_fini(&f->t);
  mh_transfer_fini(&f->other);
  assert_int_equal(f->host.loop.open_handles, 0);
  assert_null(f->host.loop.ops);
  assert_int_equal(f->mem.used, 0);
  while (f->host.closers != NULL) {
    mh_closer *closer = f->host.closers;
    f->host.closers = closer->next;
    closer->on_close(closer);
  }
  assert_null(f->host.http);
  assert_int_equal(f->host.loop.timers.count, 0);
  mh_loop_fini(&f->host.loop);
  if (f->server != NULL) standin_stop(f->server);
  rmdir(f->dir);
  free(f);
  return 0;
}

void http_serve(http_fixture *f, standin_script *script) {
  f->server = standin_start(NULL, script, f);
}

void http_ask(mh_transfer *t, const char *method, const char *url) {
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_METHOD, method, strlen(method)), 0);
  assert_int_equal(mh_transfer_set_text(t, MH_TEXT_URL, url, strlen(url)), 0);
}

void http_ask_server(http_fixture *f, mh_transfer *t, const char *method, const char *path) {
  char url[256];
  snprintf(url, sizeof url, "%s%s", standin_url(f->server), path);
  http_ask(t, method, url);
}

void http_add_header(mh_transfer *t, const char *name, const char *value) {
  assert_int_equal(mh_transfer_add_header(t, name, strlen(name), value, strlen(value)), 0);
}

bool http_is_done(mh_transfer *t) {
  return t->op.is_done;
}
bool http_is_waiting(mh_transfer *t) {
  return t->state >= MH_TRANSFER_WAITING;
}
bool http_is_sending(mh_transfer *t) {
  return t->state >= MH_TRANSFER_SENDING;
}
bool http_is_receiving(mh_transfer *t) {
  return t->state >= MH_TRANSFER_RECEIVING;
}
bool http_is_send_paused(mh_transfer *t) {
  return t->is_send_paused;
}
bool http_is_receive_paused(mh_transfer *t) {
  return t->is_receive_paused;
}
bool http_is_over(mh_transfer *t) {
  return t->state == MH_TRANSFER_OVER;
}

void http_step_until(http_fixture *f, bool (*holds)(mh_transfer *), mh_transfer *t) {
  uint64_t end = uv_hrtime() + 10 * MH_SECOND;
  while (!holds(t) && uv_hrtime() < end) mh_loop_step(&f->host.loop, 0, 0.01);
  assert_true(holds(t));
}

void http_step_for(http_fixture *f, int times) {
  for (int i = 0; i < times; i++) mh_loop_step(&f->host.loop, 0, 0.005);
}

void http_wait_for(http_fixture *f, mh_transfer *t, mh_transfer_want want) {
  mh_transfer_want_for(t, want);
  http_step_until(f, http_is_done, t);
}

void http_run(http_fixture *f, mh_transfer *t) {
  mh_transfer_start(t);
  http_wait_for(f, t, MH_WANT_END);
  assert_int_equal(t->state, MH_TRANSFER_OVER);
}

void http_get(http_fixture *f, mh_transfer *t) {
  mh_transfer_reset(t);
  http_ask_server(f, t, "GET", "/");
  http_run(f, t);
}

/* Lets the virtual clock go until the transfer is over, and says how many seconds that took. */
double http_let_time_pass(http_fixture *f, mh_transfer *t) {
  mh_loop *loop = &f->host.loop;
  uint64_t start = mh_loop_now(loop);
  loop->open_jobs--;
  http_step_until(f, http_is_over, t);
  loop->open_jobs++;
  return (double)(mh_loop_now(loop) - start) / (double)MH_SECOND;
}

void http_assert_body(const mh_transfer *t, const char *text) {
  assert_int_equal(t->reason, MH_HTTP_OK);
  assert_int_equal(t->body.len, strlen(text));
  assert_memory_equal(t->body.data, text, strlen(text));
}

void http_assert_failed(mh_transfer *t, mh_http_reason reason, const char *message) {
  const char *text = mh_buf_cstr(&t->message);
  if (t->reason != reason) fprintf(stderr, "reason %d: %s\n", (int)t->reason, text);
  assert_int_equal(t->reason, reason);
  if (strstr(text, message) == NULL) fprintf(stderr, "message: %s\n", text);
  assert_non_null(strstr(text, message));
}

const char *http_header_of(const mh_transfer *t, const char *name) {
  static char value[256];
  mh_header h;
  for (size_t at = 0; mh_http_next_header(t->head.data, t->head.len, &at, &h);) {
    if (h.name_n == strlen(name) && memcmp(h.name, name, h.name_n) == 0) {
      snprintf(value, sizeof value, "%.*s", (int)h.value_n, h.value);
      return value;
    }
  }
  return NULL;
}

/* ---- scripts ------------------------------------------------------------------------------ */

void http_always_ok(standin_peer *p) {
  while (standin_request(p)) standin_send(p, OK_ANSWER);
}

void http_never_answers(standin_peer *p) {
  standin_request(p);
  standin_until_gone(p);
}

/* Answers with what it was sent: head, empty line, body. */
void http_echo(standin_peer *p) {
  char head[128];
  while (standin_request(p)) {
    size_t n = strlen(p->head);
    snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
             n + 4 + p->body_len);
    standin_send(p, head);
    standin_send_bytes(p, p->head, n);
    standin_send(p, "\r\n\r\n");
    standin_send_bytes(p, p->body, p->body_len);
  }
}
