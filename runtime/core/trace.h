/* The timeline of one handle: what tasks did, what they waited for and the requests they made, as
 * events of Chrome's trace format, handed to the host one by one. Knows nothing of Lua and writes to
 * no file. Every text goes through the masker of the log; bodies, headers and queries never come here.
 *
 * A handle that nobody traces has none (mh_host.trace is NULL): then a span costs one comparison. */
#ifndef MH_TRACE_H
#define MH_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/log.h"

typedef struct mh_trace mh_trace;
/* One event, a JSON object with a zero behind it. */
typedef void mh_trace_sink(void *user, const char *json, size_t n);

/* A member of the `args` of an event: a text, or a number where `text` is NULL. A text that is ours, a
 * plain word of the program, is neither masked nor escaped. */
typedef struct mh_trace_arg {
  const char *name; /* static; NULL ends the list */
  const char *text;
  long long number;
  bool is_ours;
} mh_trace_arg;

/* On one track spans lie beside or inside one another. */
typedef struct mh_span {
  const char *category; /* static, plain */
  const char *name;
  unsigned process, track; /* of mh_trace_process; a task */
  uint64_t began, ended;   /* on the clock of the handle */
} mh_span;

/* NULL without memory. */
mh_trace *mh_trace_new(const mh_clock *clock, const mh_log *log, mh_trace_sink *sink, void *user);
void mh_trace_free(mh_trace *trace);

/* A group of tracks, one for each realm; returns its number, from 1. */
unsigned mh_trace_process(mh_trace *trace, const char *name);

/* `args` may be NULL. What finds no memory is left out. */
void mh_trace_span(mh_trace *trace, const mh_span *span, const mh_trace_arg *args);
uint64_t mh_trace_now(const mh_trace *trace);

#endif
