/* Events between a host and its script, and the dump of tasks: behind moonherd.h. */
#include <stdlib.h>
#include <string.h>

#include "core/dump.h"
#include "core/preempt.h"
#include "handle.h"
#include "io/json_scan.h"

/* A name is text of C, in UTF-8. */
static bool is_name(const char *name) {
  if (name == NULL) return false;
  size_t n = strnlen(name, MOONHERD_EVENT_NAME + 1);
  return n > 0 && n <= MOONHERD_EVENT_NAME && mh_json_utf8(name, n) == n;
}

/* 0, or why the text is refused. */
static int check_json(const mh_event *event) {
  mh_json_scan scan;
  mh_buf marked;
  mh_buf_init(&marked, NULL);
  int e = mh_json_scan_text(event->json, event->n, &marked, &scan);
  mh_buf_fini(&marked);
  return e == MOONHERD_EPROTO ? MOONHERD_EINVAL : e;
}

int moonherd_send(moonherd *m, const char *name, const char *json, size_t n) {
  static const char null[] = "null";
  if (m == NULL || !is_name(name) || n > MOONHERD_EVENT_SIZE) return MOONHERD_EINVAL;
  if (json == NULL && n > 0) return MOONHERD_EINVAL;
  if (json == NULL) json = null, n = sizeof null - 1;
  mh_event *event = mh_event_new(json, n);
  if (event == NULL) return MOONHERD_ENOMEM;
  int e = check_json(event);
  if (e == 0) e = mh_events_push(&m->events, name, event);
  if (e != 0) free(event);
  return e;
}

int moonherd_dump(moonherd *m) {
  if (m == NULL) return MOONHERD_EINVAL;
  return mh_dump_to_log(m->script);
}

void moonherd_dump_running(moonherd *m) {
  if (m != NULL && m->script != NULL) mh_preempt_dump(m->script);
}
