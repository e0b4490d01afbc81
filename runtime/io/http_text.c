/* The parts of a transfer as text: what the caller asks for is checked and kept, and the headers of
 * the answer are taken apart. Bytes that would end a line early never get to libcurl. */
#include "io/http_text.h"

#include <string.h>
#include <strings.h>

#include "io/http_private.h"
#include "moonherd.h"

/* ---- the request -------------------------------------------------------------------------- */

static bool is_printable(const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++)
    if ((unsigned char)bytes[i] < 0x20 && bytes[i] != '\t') return false;
  return true;
}

/* A token of RFC 9110, as methods and names of headers are. */
static bool is_token(const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)bytes[i];
    bool is_letter = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
    if (!is_letter && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
  }
  return n > 0;
}

static bool is_name(const char *name, size_t n, const char *other) {
  return strlen(other) == n && strncasecmp(name, other, n) == 0;
}

int mh_transfer_set_text(mh_transfer *t, mh_text_place place, const char *text, size_t n) {
  bool is_good = place == MH_TEXT_METHOD ? is_token(text, n) : n > 0 && is_printable(text, n);
  if (!is_good || n > UINT32_MAX / 2 - t->text.len) return MOONHERD_EINVAL;
  if (mh_buf_reserve(&t->text, n + 1) != 0) return MOONHERD_ENOMEM;
  t->places[place] = (uint32_t)t->text.len + 1;
  mh_buf_append(&t->text, text, n);
  mh_buf_putc(&t->text, '\0');
  t->lines = (uint32_t)t->text.len;
  return 0;
}

int mh_transfer_add_header(mh_transfer *t, const char *name, size_t name_n, const char *value,
                           size_t value_n) {
  if (!is_token(name, name_n) || !is_printable(value, value_n)) return MOONHERD_EINVAL;
  if (is_name(name, name_n, "content-length") || is_name(name, name_n, "transfer-encoding") ||
      is_name(name, name_n, "expect"))
    return MOONHERD_EINVAL;
  if (mh_buf_reserve(&t->text, name_n + value_n + 3) != 0) return MOONHERD_ENOMEM;
  mh_buf_append(&t->text, name, name_n);
  mh_buf_append(&t->text, value_n > 0 ? ": " : ";", value_n > 0 ? 2 : 1);  // libcurl's "empty"
  mh_buf_append(&t->text, value, value_n);
  mh_buf_putc(&t->text, '\0');
  t->line_count++;
  if (is_name(name, name_n, "content-type")) t->has_content_type = true;
  return 0;
}

void mh_transfer_have_body(mh_transfer *t) {
  t->has_body = true;
}

int mh_transfer_add_segment(mh_transfer *t, const char *bytes, size_t n) {
  t->has_body = true;
  if (n == 0) return 0;
  mh_segment segment = {bytes, n};
  t->length += (int64_t)n;
  return mh_buf_append(&t->segments, &segment, sizeof segment);
}

void mh_transfer_pull_body(mh_transfer *t, int64_t length) {
  t->has_body = t->is_pulled = true;
  t->length = length;
}

const char *mh_transfer_text(const mh_transfer *t, mh_text_place place) {
  return t->places[place] == 0 ? NULL : t->text.data + t->places[place] - 1;
}

int mh_transfer_title(const mh_transfer *t, mh_buf *to) {
  const char *method = mh_transfer_text(t, MH_TEXT_METHOD), *url = mh_transfer_text(t, MH_TEXT_URL);
  const char *host = strstr(url, "://");
  host = host != NULL ? host + 3 : url;
  size_t n = strcspn(host, "?#");
  const char *at = memrchr(host, '@', strcspn(host, "/?#"));
  const char *rest = at != NULL ? at + 1 : host;
  return mh_buf_printf(to, "%s %.*s%.*s", method, (int)(host - url), url, (int)(host + n - rest),
                       rest);
}

/* ---- the answer --------------------------------------------------------------------------- */

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool mh_http_next_header(const char *head, size_t n, size_t *at, mh_header *header) {
  const char *end_of_all = head + n;
  while (*at < n) {
    const char *line = head + *at;
    const char *stop = memchr(line, '\n', (size_t)(end_of_all - line));
    if (stop == NULL) stop = end_of_all;
    *at = (size_t)(stop - head) + 1;
    const char *colon = memchr(line, ':', (size_t)(stop - line));
    if (colon == NULL) continue;  // no header: libcurl has let it pass
    const char *value = colon + 1;
    while (value < stop && is_space(*value)) value++;
    while (stop > value && is_space(stop[-1])) stop--;
    *header = (mh_header){line, value, (size_t)(colon - line), (size_t)(stop - value)};
    return true;
  }
  return false;
}
