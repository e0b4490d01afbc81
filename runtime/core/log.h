/* The log of one handle: levelled lines as JSON objects, passed through the masker. Knows nothing
 * of Lua and writes to no file: the host's callback does.
 *
 * The masker holds every credential, secret value and session token that the handle has seen and
 * replaces each of them in every text that leaves: logs, traces, errors, dumps. */
#ifndef MH_LOG_H
#define MH_LOG_H

#include <stddef.h>

#include "core/buf.h"
#include "core/clock.h"

typedef struct mh_log mh_log;
/* One line, with a zero behind it. */
typedef void mh_log_sink(void *user, int level, const char *json, size_t n);

/* `level`: the most talkative level that passes (MOONHERD_LOG_…). Returns NULL without memory. */
mh_log *mh_log_new(const mh_clock *clock, int level, mh_log_sink *sink, void *user);
void mh_log_free(mh_log *log);
int mh_log_level(const mh_log *log);

/* A plain message: {"time":…,"level":…,"message":…} with control characters escaped. */
void mh_log_message(mh_log *log, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with fields: `fields` is "" or JSON members without braces: `"status":404,"path":"/x"`. */
void mh_log_fields(mh_log *log, int level, const char *fields, size_t n, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* What somebody asked for: as mh_log_fields at the level info, but told whatever level passes. */
void mh_log_answer(mh_log *log, const char *fields, size_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Appends a text as it stands between the quotes of a JSON string. */
int mh_log_escape(mh_buf *out, const char *text, size_t n);

/* Registers a secret. Its JSON-escaped and percent-encoded forms are hidden too. Values under
 * MH_MASK_SHORTEST bytes are not registered: hiding them would black out ordinary text. */
enum { MH_MASK_SHORTEST = 4 };
int mh_log_hide(mh_log *log, const char *secret, size_t n);
/* The same for what is worth nothing after so many seconds: then it may be forgotten. */
int mh_log_hide_for(mh_log *log, const char *secret, size_t n, double seconds);

/* Replaces every registered secret in `text` by "[hidden]", the longest match first. */
int mh_log_mask(const mh_log *log, mh_buf *text);
bool mh_log_has_secret(const mh_log *log, const char *text, size_t n);

#endif
