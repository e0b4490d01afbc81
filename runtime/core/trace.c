/* The timeline. See trace.h. An event is written into room that was asked for before, without a look
 * at its end for every piece: a program that makes calls writes four of them for each. */
#include "core/trace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "moonherd.h"

struct mh_trace {
  const mh_clock *clock;
  uint64_t start; /* what times are counted from */
  const mh_log *log;
  mh_trace_sink *sink;
  void *user;
  mh_buf event, text; /* kept: an event asks for no memory once they have grown */
  unsigned processes;
};

/* Bytes that are asked for before a piece is written: more than all of an event but its texts has, and
 * than a member without its text. */
enum { FRAME = 256 };

mh_trace *mh_trace_new(const mh_clock *clock, const mh_log *log, mh_trace_sink *sink, void *user) {
  mh_trace *trace = calloc(1, sizeof *trace);
  if (trace == NULL) return NULL;
  *trace = (mh_trace){
      .clock = clock, .start = mh_clock_now(clock), .log = log, .sink = sink, .user = user};
  mh_buf_init(&trace->event, NULL);
  mh_buf_init(&trace->text, NULL);
  return trace;
}

void mh_trace_free(mh_trace *trace) {
  if (trace == NULL) return;
  mh_buf_fini(&trace->event);
  mh_buf_fini(&trace->text);
  free(trace);
}

uint64_t mh_trace_now(const mh_trace *trace) {
  return mh_clock_now(trace->clock);
}

/* Without a call where there is room, as there mostly is. */
static int reserve(mh_buf *event, size_t more) {
  bool has_room = more <= event->cap - event->skip - event->len;
  return has_room ? 0 : mh_buf_reserve(event, more);
}

/* ---- pieces of an event: each returns the end of what it wrote ------------------------------- */

static char *put(char *at, const char *text) {
  return stpcpy(at, text);
}

static char *put_number(char *at, uint64_t number, size_t least_digits) {
  char digits[20];
  size_t from = sizeof digits;
  do {
    digits[--from] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0 || sizeof digits - from < least_digits);
  memcpy(at, digits + from, sizeof digits - from);
  return at + (sizeof digits - from);
}

static char *put_signed(char *at, long long number) {
  if (number >= 0) return put_number(at, (uint64_t)number, 1);
  *at = '-';
  return put_number(at + 1, 0 - (uint64_t)number, 1);
}

/* Nanoseconds as the microseconds of the format, with a fraction. */
static char *put_time(char *at, uint64_t ns) {
  at = put_number(at, ns / 1000, 1);
  *at = '.';
  return put_number(at + 1, ns % 1000, 3);
}

/* ---- texts --------------------------------------------------------------------------------- */

/* Each byte of a word. */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static uint64_t zeros(uint64_t eight) {
  return (eight - EACH(1)) & ~eight;
}

/* Whether one of eight bytes is no plain ASCII or must be escaped. A sum or difference that goes over
 * into the next byte does so from one that is odd itself. */
static bool has_odd(uint64_t eight) {
  uint64_t below = (eight - EACH(0x20)) & ~eight, above = (eight + EACH(1)) | eight;
  uint64_t odd = below | above | zeros(eight ^ EACH('"')) | zeros(eight ^ EACH('\\'));
  return (odd & EACH(0x80)) != 0;
}

static bool stands_as_it_is(const char *text, size_t n) {
  uint64_t eight;
  for (; n >= sizeof eight; text += sizeof eight, n -= sizeof eight) {
    memcpy(&eight, text, sizeof eight);
    if (has_odd(eight)) return false;
  }
  eight = EACH(' ');
  memcpy(&eight, text, n);
  return !has_odd(eight);
}

/* Appends what is text of JSON already, with its quotes. Leaves room for a piece behind it. */
static int append_quoted(mh_trace *trace, const char *text, size_t n) {
  mh_buf *event = &trace->event;
  int e = reserve(event, n + 2 + FRAME);
  if (e != 0) return e;
  char *at = event->data + event->len;
  *at++ = '"';
  memcpy(at, text, n);
  at[n] = '"';
  event->len += n + 2;
  return 0;
}

/* Appends a text that may be anybody's. Numbers are not masked: a secret made of digits must not break
 * the JSON. */
static int append_text(mh_trace *trace, const char *text) {
  mh_buf *masked = &trace->text;
  size_t n = strlen(text);
  if (stands_as_it_is(text, n) && !mh_log_has_secret(trace->log, text, n))
    return append_quoted(trace, text, n);
  mh_buf_clear(masked);
  int e = mh_log_escape(masked, text, n);
  if (e == 0) e = mh_log_mask(trace->log, masked);
  return e == 0 ? append_quoted(trace, masked->data, masked->len) : e;
}

/* ---- events -------------------------------------------------------------------------------- */

static void set_end(mh_trace *trace, const char *at) {
  trace->event.len = (size_t)(at - trace->event.data);
}

static int append_arg(mh_trace *trace, const mh_trace_arg *arg, char before) {
  int e = reserve(&trace->event, FRAME);
  if (e != 0) return e;
  char *at = trace->event.data + trace->event.len;
  *at++ = before;
  *at++ = '"';
  at = put(put(at, arg->name), "\":");
  if (arg->text == NULL) at = put_signed(at, arg->number);
  set_end(trace, at);
  if (arg->text == NULL) return 0;
  if (arg->is_ours) return append_quoted(trace, arg->text, strlen(arg->text));
  return append_text(trace, arg->text);
}

/* The args, the end, and to the host with it. */
static int finish(mh_trace *trace, const mh_trace_arg *args) {
  mh_buf *event = &trace->event;
  bool has_args = args != NULL && args->name != NULL;
  int e = reserve(event, FRAME);
  if (e == 0 && has_args) set_end(trace, put(event->data + event->len, ",\"args\":"));
  for (char before = '{'; has_args && args->name != NULL && e == 0; args++, before = ',')
    e = append_arg(trace, args, before);
  if (e == 0) e = reserve(event, FRAME);
  if (e != 0) return e;
  set_end(trace, put(event->data + event->len, has_args ? "}}" : "}"));
  trace->sink(trace->user, event->data, event->len);
  return 0;
}

static int begin(mh_trace *trace, const char *text) {
  mh_buf_clear(&trace->event);
  int e = reserve(&trace->event, FRAME);
  if (e != 0) return e;
  set_end(trace, put(trace->event.data, "{\"name\":"));
  return append_text(trace, text);
}

static char *put_place(char *at, unsigned process, unsigned track) {
  at = put_number(put(at, ",\"pid\":"), process, 1);
  return put_number(put(at, ",\"tid\":"), track, 1);
}

unsigned mh_trace_process(mh_trace *trace, const char *name) {
  const mh_trace_arg args[] = {{"name", name, 0, true}, {NULL, NULL, 0, true}};
  unsigned process = ++trace->processes;
  if (begin(trace, "process_name") != 0) return process;
  char *at = put(trace->event.data + trace->event.len, ",\"ph\":\"M\"");
  set_end(trace, put_place(at, process, 0));
  (void)finish(trace, args);
  return process;
}

void mh_trace_span(mh_trace *trace, const mh_span *span, const mh_trace_arg *args) {
  if (begin(trace, span->name) != 0) return;
  char *at = put(put(trace->event.data + trace->event.len, ",\"cat\":\""), span->category);
  at = put_time(put(at, "\",\"ph\":\"X\",\"ts\":"), span->began - trace->start);
  at = put_time(put(at, ",\"dur\":"), span->ended - span->began);
  set_end(trace, put_place(at, span->process, span->track));
  (void)finish(trace, args);
}
