/* A host for tests. See script_host.h. */
#include "script_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

const char VIRTUAL_CLOCK[] = "{\"clock\":{\"virtual\":true}}";

enum { MOST_STEPS = 1000000 }; /* more is a hang */

static void append(char *text, size_t size, const char *bytes, size_t n) {
  size_t used = strlen(text);
  if (n > size - used - 1) n = size - used - 1;
  memcpy(text + used, bytes, n);
  text[used + n] = '\0';
}

static void on_output(void *user, int stream, const char *bytes, size_t n) {
  script_host *h = user;
  if (stream == MOONHERD_STDOUT) append(h->out, sizeof h->out, bytes, n);
  else append(h->err, sizeof h->err, bytes, n);
}

static void on_log(void *user, int level, const char *json, size_t n) {
  script_host *h = user;
  (void)level;
  append(h->log, sizeof h->log, json, n);
  append(h->log, sizeof h->log, "\n", 1);
}

static void on_event(void *user, const char *name, const char *json, size_t n) {
  script_host *h = user;
  append(h->events, sizeof h->events, name, strlen(name));
  append(h->events, sizeof h->events, " ", 1);
  append(h->events, sizeof h->events, json, n);
  append(h->events, sizeof h->events, "\n", 1);
}

static void on_error(void *user, const moonherd_error *e) {
  script_host *h = user;
  h->errors++;
  snprintf(h->message, sizeof h->message, "%s", moonherd_error_message(e));
  snprintf(h->kind, sizeof h->kind, "%s", moonherd_error_kind(e));
  snprintf(h->reason, sizeof h->reason, "%s", moonherd_error_reason(e));
  snprintf(h->trace, sizeof h->trace, "%s", moonherd_error_trace(e));
  snprintf(h->json, sizeof h->json, "%s", moonherd_error_json(e));
}

moonherd *script_host_open(script_host *h, const moonherd_config *config) {
  moonherd_config c = config != NULL ? *config : (moonherd_config){0};
  memset(h, 0, sizeof *h);
  c.size = sizeof c;
  c.user = h;
  c.on_output = on_output;
  c.on_log = on_log;
  c.on_error = on_error;
  c.on_event = on_event;
  const char *why = NULL;
  h->m = moonherd_new(&c, &why);
  if (h->m == NULL) fail_msg("%s", why);
  return h->m;
}

void script_host_start(script_host *h, const char *code) {
  h->errors = 0;
  h->out[0] = h->err[0] = h->log[0] = h->events[0] = '\0';
  if (moonherd_load(h->m, "=script", code, strlen(code)) != 0) fail_msg("%s", h->message);
  assert_int_equal(0, moonherd_start(h->m, 0, NULL));
}

int script_host_run(script_host *h, const char *code) {
  script_host_start(h, code);
  for (int i = 0; moonherd_step(h->m, -1) > 0; i++)
    if (i == MOST_STEPS) fail_msg("it hangs");
  return moonherd_exit_code(h->m);
}
