/* Header values with parameters. See params.h. */
#include "io/params.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "moonherd.h"

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

static void advance(mh_slice *s, size_t n) {
  s->data += n;
  s->len -= n;
}

static void skip_blanks(mh_slice *s) {
  while (s->len > 0 && is_blank(s->data[0])) advance(s, 1);
}

bool mh_slice_is(mh_slice s, const char *word) {
  return s.len == strlen(word) && strncasecmp(s.data, word, s.len) == 0;
}

mh_slice mh_slice_trim(mh_slice s) {
  skip_blanks(&s);
  while (s.len > 0 && is_blank(s.data[s.len - 1])) s.len--;
  return s;
}

/* The length of the character at the start of s, or 0 when it is not well-formed UTF-8. */
static size_t character(mh_slice s) {
  const unsigned char *p = (const unsigned char *)s.data;
  if (p[0] < 0x80) return 1;
  size_t n = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
  if (p[0] < 0xC2 || p[0] > 0xF4 || n > s.len) return 0;
  for (size_t i = 1; i < n; i++)
    if ((p[i] & 0xC0) != 0x80) return 0;
  bool is_long = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xF0 && p[1] < 0x90);
  bool is_surrogate = p[0] == 0xED && p[1] > 0x9F;
  bool is_beyond = p[0] == 0xF4 && p[1] > 0x8F;
  return is_long || is_surrogate || is_beyond ? 0 : n;
}

bool mh_slice_is_utf8(mh_slice s) {
  while (s.len > 0) {
    size_t n = character(s);
    if (n == 0) return false;
    advance(&s, n);
  }
  return true;
}

mh_slice mh_params_start(mh_slice *rest) {
  const char *semicolon = memchr(rest->data, ';', rest->len);
  mh_slice word = {rest->data, semicolon != NULL ? (size_t)(semicolon - rest->data) : rest->len};
  advance(rest, word.len);
  return mh_slice_trim(word);
}

/* The length of a quoted string's inside; s begins behind the first quote. -1: no end. */
static ptrdiff_t quoted_length(mh_slice s) {
  for (size_t i = 0; i < s.len; i++) {
    if (s.data[i] == '"') return (ptrdiff_t)i;
    if (s.data[i] == '\\' && i + 1 < s.len && (s.data[i + 1] == '"' || s.data[i + 1] == '\\')) i++;
  }
  return -1;
}

static bool take_quoted(mh_slice *rest, mh_slice *value) {
  advance(rest, 1);
  ptrdiff_t n = quoted_length(*rest);
  if (n < 0) return false;
  *value = (mh_slice){rest->data, (size_t)n};
  advance(rest, (size_t)n + 1);
  return true;
}

static bool take_word(mh_slice *rest, const char *ends, mh_slice *word) {
  size_t n = 0;
  while (n < rest->len && strchr(ends, rest->data[n]) == NULL) n++;
  *word = (mh_slice){rest->data, n};
  advance(rest, n);
  return n > 0;
}

int mh_params_next(mh_slice *rest, mh_param *param) {
  skip_blanks(rest);
  if (rest->len == 0) return 0;
  if (rest->data[0] != ';') return MOONHERD_EPROTO;
  advance(rest, 1);
  skip_blanks(rest);
  if (rest->len == 0) return 0;  // a semicolon at the end is harmless
  if (!take_word(rest, "=; \t\"", &param->name)) return MOONHERD_EPROTO;
  skip_blanks(rest);
  if (rest->len == 0 || rest->data[0] != '=') return MOONHERD_EPROTO;
  advance(rest, 1);
  skip_blanks(rest);
  bool is_quoted = rest->len > 0 && rest->data[0] == '"';
  bool is_taken =
      is_quoted ? take_quoted(rest, &param->value) : take_word(rest, "; \t\"", &param->value);
  return is_taken ? 1 : MOONHERD_EPROTO;
}

/* The byte that a browser's escape stands for, or -1. */
static int form_escape(const char *p, size_t n) {
  if (n < 3 || p[0] != '%') return -1;
  if (p[1] == '2' && p[2] == '2') return '"';
  if (p[1] == '0' && (p[2] == 'A' || p[2] == 'a')) return '\n';
  if (p[1] == '0' && (p[2] == 'D' || p[2] == 'd')) return '\r';
  return -1;
}

size_t mh_params_unescape(mh_slice value, bool in_form, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < value.len; i++) {
    int escaped = in_form ? form_escape(value.data + i, value.len - i) : -1;
    if (escaped >= 0) {
      out[n++] = (char)escaped;
      i += 2;
      continue;
    }
    bool is_pair = value.data[i] == '\\' && i + 1 < value.len &&
                   (value.data[i + 1] == '"' || value.data[i + 1] == '\\');
    if (is_pair) i++;
    out[n++] = value.data[i];
  }
  return n;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/* Takes one byte off an extended value; -1 when a percent sign is followed by no two digits. */
static int take_byte(mh_slice *s) {
  if (s->data[0] != '%') {
    advance(s, 1);
    return (unsigned char)s->data[-1];
  }
  if (s->len < 3 || hex_digit(s->data[1]) < 0 || hex_digit(s->data[2]) < 0) return -1;
  advance(s, 3);
  return hex_digit(s->data[-2]) * 16 + hex_digit(s->data[-1]);
}

/* charset'language'text: leaves the text in s and returns the charset; absent when malformed. */
static mh_slice take_charset(mh_slice *s) {
  mh_slice charset = {NULL, 0};
  const char *quote = memchr(s->data, '\'', s->len);
  if (quote == NULL) return charset;
  size_t n = (size_t)(quote - s->data);
  const char *second = memchr(quote + 1, '\'', s->len - n - 1);
  if (second == NULL) return charset;
  charset = (mh_slice){s->data, n};
  advance(s, (size_t)(second + 1 - s->data));
  return charset;
}

int mh_params_decode(mh_slice value, char *out, size_t *len) {
  mh_slice charset = take_charset(&value);
  bool is_latin1 = charset.data != NULL && mh_slice_is(charset, "iso-8859-1");
  if (charset.data == NULL || !(is_latin1 || mh_slice_is(charset, "utf-8"))) return MOONHERD_EPROTO;
  size_t n = 0;
  while (value.len > 0) {
    int byte = take_byte(&value);
    if (byte < 0) return MOONHERD_EPROTO;
    if (is_latin1 && byte >= 0x80) {
      out[n++] = (char)(0xC0 | byte >> 6);
      byte = 0x80 | (byte & 0x3F);
    }
    out[n++] = (char)byte;
  }
  *len = n;
  return 0;
}
