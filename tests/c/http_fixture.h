/* What the tests of HTTP transfers share: an engine on a loop, two transfers, a stand-in server, and
 * words to drive them. After each test nothing may be open. */
#ifndef HTTP_FIXTURE_H
#define HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants these first */
#include <cmocka.h>
#include <stdatomic.h>

#include "io/http.h"
#include "moonherd.h"
#include "standin.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

typedef struct http_fixture {
  mh_host host;
  mh_http *http;
  mh_mem mem;
  standin *server;
  mh_transfer t, other;
  char dir[64];
  atomic_bool may_go; /* for scripts that wait for it */
} http_fixture;

int http_set_up(void **state);
/* With a virtual clock. It stands while `open_jobs` is not 0: the stand-in is not in the loop. */
int http_set_up_virtual(void **state);
int http_tear_down(void **state);
void http_serve(http_fixture *f, standin_script *script);
void http_ask(mh_transfer *t, const char *method, const char *url);
void http_ask_server(http_fixture *f, mh_transfer *t, const char *method, const char *path);
void http_add_header(mh_transfer *t, const char *name, const char *value);
bool http_is_done(mh_transfer *t);
bool http_is_waiting(mh_transfer *t);
bool http_is_sending(mh_transfer *t);
bool http_is_receiving(mh_transfer *t);
bool http_is_send_paused(mh_transfer *t);
bool http_is_receive_paused(mh_transfer *t);
bool http_is_over(mh_transfer *t);
void http_step_until(http_fixture *f, bool (*holds)(mh_transfer *), mh_transfer *t);
void http_step_for(http_fixture *f, int times);
void http_wait_for(http_fixture *f, mh_transfer *t, mh_transfer_want want);
void http_run(http_fixture *f, mh_transfer *t);
void http_get(http_fixture *f, mh_transfer *t);
/* Lets the virtual clock go until the transfer is over; returns the seconds that took. */
double http_let_time_pass(http_fixture *f, mh_transfer *t);
void http_assert_body(const mh_transfer *t, const char *text);
void http_assert_failed(mh_transfer *t, mh_http_reason reason, const char *message);
const char *http_header_of(const mh_transfer *t, const char *name);
/* Scripts. */
void http_always_ok(standin_peer *p);
void http_never_answers(standin_peer *p);
/* Answers with what it was sent: head, empty line, body. */
void http_echo(standin_peer *p);

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, http_set_up, http_tear_down)
#define TEST_VIRTUAL(name) \
  cmocka_unit_test_setup_teardown(test_##name, http_set_up_virtual, http_tear_down)

#endif
