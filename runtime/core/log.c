/* The log and its masker. See log.h. */
#include "core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "moonherd.h"

static const char HIDDEN[] = "[hidden]";
static const char *const LEVEL_NAMES[] = {"error", "warn", "info", "debug"};

/* Secrets hang in a hash table by all their bytes: one more costs the same however many there are,
 * also of those that begin alike, as tokens do. */
typedef struct hidden {
  struct hidden *next;
  uint64_t until; /* MH_NEVER, or when it is worth nothing any more */
  uint32_t hash;
  size_t n;
  char bytes[];
} hidden;

enum { GRAMS = 4096, LONGEST_STRIDE = 8, FEWEST_SLOTS = 64 };

struct mh_log {
  const mh_clock *clock;
  int level;
  mh_log_sink *sink;
  void *user;
  hidden **slots;
  uint64_t *prefixes; /* a word for each slot: see add_prefixes */
  size_t slot_count, count;
  size_t longest;             /* bytes of a secret */
  size_t stride;              /* so many bytes apart a text is looked at: see find_secret */
  uint64_t grams[GRAMS / 64]; /* a bit for each hash of four bytes near the beginning of a secret */
};

mh_log *mh_log_new(const mh_clock *clock, int level, mh_log_sink *sink, void *user) {
  mh_log *log = calloc(1, sizeof *log);
  if (log == NULL) return NULL;
  *log = (mh_log){
      .clock = clock, .level = level, .sink = sink, .user = user, .stride = LONGEST_STRIDE};
  return log;
}

static void discard(hidden *h) {
  explicit_bzero(h->bytes, h->n);  // what is freed next, a compiler need not clear
  free(h);
}

void mh_log_free(mh_log *log) {
  if (log == NULL) return;
  for (size_t i = 0; i < log->slot_count; i++) {
    for (hidden *h = log->slots[i], *next; h != NULL; h = next) {
      next = h->next;
      discard(h);
    }
  }
  free(log->slots);
  free(log->prefixes);
  free(log);
}

int mh_log_level(const mh_log *log) {
  return log->level;
}

/* ---- the masker --------------------------------------------------------------------------- */

/* FNV-1a, which goes on byte by byte: on the way through a text it is the hash of every beginning. */
static const uint32_t HASH_OF_NOTHING = UINT32_C(0x811c9dc5), HASH_FACTOR = UINT32_C(0x01000193);

static uint32_t extend(uint32_t hash, char byte) {
  return (hash ^ (unsigned char)byte) * HASH_FACTOR;
}

static uint32_t hash_of(const char *bytes, size_t n) {
  uint32_t hash = HASH_OF_NOTHING;
  for (size_t i = 0; i < n; i++) hash = extend(hash, bytes[i]);
  return hash;
}

static size_t gram_of(const char *bytes) {
  uint32_t four;
  memcpy(&four, bytes, sizeof four);
  return (four * UINT32_C(2654435761)) >> 20;  // the upper bits, as many as GRAMS has
}

static bool has_gram(const mh_log *log, const char *text) {
  size_t gram = gram_of(text);
  return (log->grams[gram / 64] >> gram % 64 & 1) != 0;
}

/* Secrets that are shorter than the others make the stride shorter, never longer: what is in the
 * table for it is enough for all. */
static void add_grams(mh_log *log, const char *secret, size_t n) {
  size_t stride = n - MH_MASK_SHORTEST + 1;
  if (stride > LONGEST_STRIDE) stride = LONGEST_STRIDE;
  if (stride < log->stride) log->stride = stride;
  for (size_t i = 0; i < stride; i++) {
    size_t gram = gram_of(secret + i);
    log->grams[gram / 64] |= UINT64_C(1) << gram % 64;
  }
}

/* Where a beginning of a text is looked up: after 4, 8, 16, … bytes. */
static bool is_prefix_length(size_t n) {
  return n >= MH_MASK_SHORTEST && (n & (n - 1)) == 0;
}

static uint64_t *prefix_word(const mh_log *log, uint32_t hash) {
  return &log->prefixes[hash / 64 & (log->slot_count - 1)];
}

/* A bit for the hash of each of these beginnings of a secret: a text that begins otherwise is not
 * compared on and on, up to the length of the longest secret there is. */
static void add_prefixes(mh_log *log, const hidden *h) {
  uint32_t hash = HASH_OF_NOTHING;
  for (size_t i = 1; i <= h->n; i++) {
    hash = extend(hash, h->bytes[i - 1]);
    if (is_prefix_length(i)) *prefix_word(log, hash) |= UINT64_C(1) << hash % 64;
  }
}

static bool may_go_on(const mh_log *log, uint32_t hash, size_t n) {
  return !is_prefix_length(n) || (*prefix_word(log, hash) >> hash % 64 & 1) != 0;
}

static void insert(mh_log *log, hidden *h) {
  hidden **slot = &log->slots[h->hash & (log->slot_count - 1)];
  h->next = *slot;
  *slot = h;
  log->count++;
  if (h->n > log->longest) log->longest = h->n;
  add_grams(log, h->bytes, h->n);
  add_prefixes(log, h);
}

static size_t count_lasting(const mh_log *log, uint64_t now) {
  size_t count = 0;
  for (size_t i = 0; i < log->slot_count; i++)
    for (const hidden *h = log->slots[i]; h != NULL; h = h->next) count += h->until > now;
  return count;
}

/* Begins with an empty table. */
static int reset(mh_log *log, size_t slot_count) {
  hidden **slots = calloc(slot_count, sizeof *slots);
  uint64_t *prefixes = calloc(slot_count, sizeof *prefixes);
  if (slots == NULL || prefixes == NULL) {
    free(slots);
    free(prefixes);
    return MOONHERD_ENOMEM;
  }
  free(log->prefixes);
  log->slots = slots, log->prefixes = prefixes;
  log->slot_count = slot_count;
  log->count = log->longest = 0;
  log->stride = LONGEST_STRIDE;
  memset(log->grams, 0, sizeof log->grams);
  return 0;
}

/* Makes room for one more: by leaving out what is over when that is a half, else by more slots. */
static int grow(mh_log *log) {
  if (log->count < log->slot_count) return 0;
  size_t old_count = log->slot_count;
  hidden **old = log->slots;
  uint64_t now = mh_clock_now(log->clock);
  bool is_half = count_lasting(log, now) <= old_count / 2;
  int e = reset(log, old_count == 0 ? FEWEST_SLOTS : is_half ? old_count : old_count * 2);
  if (e != 0) return e;
  for (size_t i = 0; i < old_count; i++) {
    for (hidden *h = old[i], *next; h != NULL; h = next) {
      next = h->next;
      if (h->until > now) insert(log, h);
      else discard(h);
    }
  }
  free(old);
  return 0;
}

static hidden *find(const mh_log *log, uint32_t hash, const char *bytes, size_t n) {
  hidden *h = log->slots[hash & (log->slot_count - 1)];
  while (h != NULL && (h->hash != hash || h->n != n || memcmp(h->bytes, bytes, n) != 0))
    h = h->next;
  return h;
}

/* The longest secret that a text begins with. */
static const hidden *match(const mh_log *log, const char *text, size_t n) {
  if (n < MH_MASK_SHORTEST || !has_gram(log, text)) return NULL;
  if (n > log->longest) n = log->longest;
  const hidden *longest = NULL;
  uint32_t hash = hash_of(text, MH_MASK_SHORTEST - 1);
  for (size_t i = MH_MASK_SHORTEST; i <= n; i++) {
    hash = extend(hash, text[i - 1]);
    const hidden *h = find(log, hash, text, i);
    if (h != NULL) longest = h;
    if (!may_go_on(log, hash, i)) break;
  }
  return longest;
}

static int hide(mh_log *log, const char *secret, size_t n, uint64_t until) {
  if (n < MH_MASK_SHORTEST) return 0;
  uint32_t hash = hash_of(secret, n);
  hidden *known = log->slot_count > 0 ? find(log, hash, secret, n) : NULL;
  if (known != NULL) {
    if (until > known->until) known->until = until;
    return 0;
  }
  if (grow(log) != 0) return MOONHERD_ENOMEM;
  hidden *h = malloc(sizeof *h + n);
  if (h == NULL) return MOONHERD_ENOMEM;
  *h = (hidden){.until = until, .hash = hash, .n = n};
  memcpy(h->bytes, secret, n);
  insert(log, h);
  return 0;
}

/* The length of the character of UTF-8 at the start of a text, 0 when there is none. */
static size_t character_length(const unsigned char *text, size_t n) {
  unsigned char first = text[0], least = 0x80, most = 0xbf;  // of the second byte
  size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (first == 0xe0) least = 0xa0;
  if (first == 0xed) most = 0x9f;
  if (first == 0xf0) least = 0x90;
  if (first == 0xf4) most = 0x8f;
  if (first > 0xf4 || length > n) return 0;
  if (length > 1 && (text[1] < least || text[1] > most)) return 0;
  for (size_t i = 2; i < length; i++)
    if ((text[i] & 0xc0) != 0x80) return 0;
  return length;
}

/* What is not UTF-8 becomes U+FFFD, byte by byte: a line of the log is JSON whatever it tells. */
int mh_log_escape(mh_buf *out, const char *text, size_t n) {
  int e = 0;
  for (size_t i = 0, length; i < n && e == 0; i += length) {
    unsigned char c = (unsigned char)text[i];
    length = character_length((const unsigned char *)text + i, n - i);
    if (length == 0) length = 1, e = mh_buf_puts(out, "\\ufffd");
    else if (length > 1) e = mh_buf_append(out, text + i, length);
    else if (c == '"' || c == '\\') e = mh_buf_printf(out, "\\%c", c);
    else if (c == '\n') e = mh_buf_puts(out, "\\n");
    else if (c == '\r') e = mh_buf_puts(out, "\\r");
    else if (c == '\t') e = mh_buf_puts(out, "\\t");
    else if (c < 0x20 || c == 0x7f) e = mh_buf_printf(out, "\\u%04x", c);
    else e = mh_buf_putc(out, (char)c);
  }
  return e;
}

static int append_percent(mh_buf *out, const char *text, size_t n) {
  static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  int e = 0;
  for (size_t i = 0; i < n && e == 0; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c != 0 && strchr(plain, c) != NULL) e = mh_buf_putc(out, (char)c);
    else e = mh_buf_printf(out, "%%%02X", c);
  }
  return e;
}

static int hide_forms(mh_log *log, const char *secret, size_t n, uint64_t until) {
  mh_buf form;
  mh_buf_init(&form, NULL);
  int e = hide(log, secret, n, until);
  if (e == 0) e = mh_log_escape(&form, secret, n);
  if (e == 0) e = hide(log, form.data, form.len, until);
  mh_buf_clear(&form);
  if (e == 0) e = append_percent(&form, secret, n);
  if (e == 0) e = hide(log, form.data, form.len, until);
  if (form.len > 0) explicit_bzero(form.data, form.len);
  mh_buf_fini(&form);
  return e;
}

int mh_log_hide(mh_log *log, const char *secret, size_t n) {
  return hide_forms(log, secret, n, MH_NEVER);
}

int mh_log_hide_for(mh_log *log, const char *secret, size_t n, double seconds) {
  return hide_forms(log, secret, n, mh_clock_after(mh_clock_now(log->clock), seconds));
}

/* Where the first secret begins, from `i` on; `n` when there is none. A secret that begins within the
 * next `stride` bytes has the last four of these and what follows them in the table: mostly they are
 * not, and all of these bytes are done with. None is shorter than the stride and three. */
static size_t find_secret(const mh_log *log, const char *text, size_t n, size_t i, size_t *length) {
  size_t ahead = log->stride - 1;
  while (i + ahead + MH_MASK_SHORTEST <= n) {
    if (!has_gram(log, text + i + ahead)) {
      i += log->stride;
      continue;
    }
    const hidden *h = match(log, text + i, n - i);
    if (h != NULL) {
      *length = h->n;
      return i;
    }
    i++;
  }
  return n;
}

bool mh_log_has_secret(const mh_log *log, const char *text, size_t n) {
  size_t length = 0;
  return log->count > 0 && find_secret(log, text, n, 0, &length) < n;
}

int mh_log_mask(const mh_log *log, mh_buf *text) {
  if (!mh_log_has_secret(log, text->data, text->len)) return 0;  // nothing is copied
  mh_buf out;
  mh_buf_init(&out, text->mem);
  size_t copied = 0;
  int e = 0;
  while (e == 0) {
    size_t length = 0, found = find_secret(log, text->data, text->len, copied, &length);
    e = mh_buf_append(&out, text->data + copied, found - copied);
    copied = found + length;
    if (found == text->len) break;
    if (e == 0) e = mh_buf_append(&out, HIDDEN, sizeof HIDDEN - 1);
  }
  if (e == 0) mh_buf_move(text, &out);
  mh_buf_fini(&out);
  return e;
}

/* ---- lines -------------------------------------------------------------------------------- */

static int append_head(const mh_log *log, mh_buf *line, int level) {
  int64_t wall = mh_clock_wall(log->clock);
  time_t seconds = (time_t)(wall / (int64_t)MH_SECOND);
  struct tm utc;
  gmtime_r(&seconds, &utc);
  char time_text[32];
  strftime(time_text, sizeof time_text, "%Y-%m-%dT%H:%M:%S", &utc);
  long long ms = (long long)(wall / (int64_t)MH_MILLISECOND % 1000);
  return mh_buf_printf(line, "{\"time\":\"%s.%03lldZ\",\"level\":\"%s\",\"message\":\"", time_text,
                       ms, LEVEL_NAMES[level]);
}

static void write_line(mh_log *log, int level, const char *fields, size_t n, const char *format,
                       va_list args) {
  if (level < 0 || log->sink == NULL) return;
  mh_buf line, message;
  mh_buf_init(&line, NULL);
  mh_buf_init(&message, NULL);
  int e = mh_buf_vprintf(&message, format, args);
  if (e == 0) e = append_head(log, &line, level);
  if (e == 0) e = mh_log_escape(&line, message.data, message.len);
  if (e == 0) e = mh_buf_putc(&line, '"');
  if (e == 0 && n > 0) e = mh_buf_putc(&line, ',');
  if (e == 0) e = mh_buf_append(&line, fields, n);
  if (e == 0) e = mh_buf_putc(&line, '}');
  if (e == 0) e = mh_log_mask(log, &line);
  if (e == 0 && mh_buf_cstr(&line) == NULL) e = MOONHERD_ENOMEM;
  if (e == 0) log->sink(log->user, level, line.data, line.len);
  mh_buf_fini(&line);
  mh_buf_fini(&message);
}

void mh_log_message(mh_log *log, int level, const char *format, ...) {
  if (level > log->level) return;
  va_list args;
  va_start(args, format);
  write_line(log, level, "", 0, format, args);
  va_end(args);
}

void mh_log_fields(mh_log *log, int level, const char *fields, size_t n, const char *format, ...) {
  if (level > log->level) return;
  va_list args;
  va_start(args, format);
  write_line(log, level, fields, n, format, args);
  va_end(args);
}

void mh_log_answer(mh_log *log, const char *fields, size_t n, const char *format, ...) {
  va_list args;
  va_start(args, format);
  write_line(log, MOONHERD_LOG_INFO, fields, n, format, args);
  va_end(args);
}
