/* The multipart writer: what stands around the contents. See multipart_write.h. */
#include "io/multipart_write.h"

#include <stdio.h>
#include <string.h>

#include "io/multipart.h"
#include "moonherd.h"

int mh_multipart_boundary(char out[MH_MULTIPART_NEW_BOUNDARY], mh_multipart_random *random,
                          void *user) {
  unsigned char bytes[16];
  int e = random(user, bytes, sizeof bytes);
  if (e != 0) return e;
  int n = snprintf(out, MH_MULTIPART_NEW_BOUNDARY, "moonherd-");
  for (size_t i = 0; i < sizeof bytes; i++) snprintf(out + n + 2 * i, 3, "%02x", bytes[i]);
  return 0;
}

static bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* The characters of RFC 2046 §5.1.1; a space may not be the last one. */
bool mh_multipart_is_boundary(mh_slice b) {
  if (b.len == 0 || b.len > MH_MULTIPART_BOUNDARY || b.data[b.len - 1] == ' ') return false;
  for (size_t i = 0; i < b.len; i++) {
    char c = b.data[i];
    if (!is_alphanumeric(c) && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL)) return false;
  }
  return true;
}

/* Whether it can stand in a header as it is: no control characters but those `except`ed. */
static bool is_writable(mh_slice text, const char *except) {
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if ((c < 0x20 || c == 0x7F) && (c == '\0' || strchr(except, c) == NULL)) return false;
  }
  return true;
}

/* What to write for the i-th byte of a name; NULL for the byte itself. Browsers send backslashes
 * bare. Where most servers would take one for an escape, in front of another and at the end, it is
 * doubled, as the Go and Python libraries do: read back, the name is the same. */
static const char *escape(mh_slice name, size_t i) {
  switch (name.data[i]) {
    case '"': return "%22";
    case '\r': return "%0D";
    case '\n': return "%0A";
    case '\\': return i + 1 == name.len || name.data[i + 1] == '\\' ? "\\\\" : NULL;
    default: return NULL;
  }
}

static int write_escaped(mh_buf *to, mh_slice name) {
  size_t copied = 0;
  int e = 0;
  for (size_t i = 0; i < name.len && e == 0; i++) {
    const char *text = escape(name, i);
    if (text == NULL) continue;
    e = mh_buf_append(to, name.data + copied, i - copied);
    if (e == 0) e = mh_buf_puts(to, text);
    copied = i + 1;
  }
  return e != 0 ? e : mh_buf_append(to, name.data + copied, name.len - copied);
}

/* Appends `before`, the text, `after`; nothing when the text is absent. */
static int write_between(mh_buf *to, const char *before, mh_slice text, const char *after) {
  if (text.data == NULL) return 0;
  int e = mh_buf_puts(to, before);
  if (e == 0) e = write_escaped(to, text);
  return e != 0 ? e : mh_buf_puts(to, after);
}

static int write_delimiter(mh_buf *to, mh_slice boundary, bool is_first) {
  int e = mh_buf_puts(to, is_first ? "--" : "\r\n--");
  return e != 0 ? e : mh_buf_append(to, boundary.data, boundary.len);
}

static int write_head(mh_buf *to, mh_slice boundary, const mh_multipart_field *field,
                      bool is_first) {
  int e = write_delimiter(to, boundary, is_first);
  if (e == 0) e = mh_buf_puts(to, "\r\nContent-Disposition: form-data");
  if (e == 0) e = write_between(to, "; name=\"", field->name, "\"");
  if (e == 0) e = write_between(to, "; filename=\"", field->filename, "\"");
  if (e == 0 && field->content_type.data != NULL) {
    e = mh_buf_puts(to, "\r\nContent-Type: ");
    if (e == 0) e = mh_buf_append(to, field->content_type.data, field->content_type.len);
  }
  return e != 0 ? e : mh_buf_puts(to, "\r\n\r\n");
}

int mh_multipart_write_head(mh_buf *to, mh_slice boundary, const mh_multipart_field *field,
                            bool is_first) {
  bool is_valid = field->name.len > 0 && is_writable(field->name, "\r\n\t") &&
                  is_writable(field->filename, "\r\n\t") && is_writable(field->content_type, "");
  if (!is_valid) return MOONHERD_EINVAL;
  size_t before = to->len;
  int e = write_head(to, boundary, field, is_first);
  if (e != 0) to->len = before;
  return e;
}

int mh_multipart_write_end(mh_buf *to, mh_slice boundary, bool is_empty) {
  size_t before = to->len;
  int e = write_delimiter(to, boundary, is_empty);
  if (e == 0) e = mh_buf_puts(to, "--\r\n");
  if (e != 0) to->len = before;
  return e;
}

/* Quoted when the boundary is not one word: servers differ in how they read it otherwise. */
int mh_multipart_write_type(mh_buf *to, mh_slice boundary) {
  bool is_word = true;
  for (size_t i = 0; i < boundary.len; i++) {
    char c = boundary.data[i];
    if (!is_alphanumeric(c) && strchr("'+_-.", c) == NULL) is_word = false;
  }
  const char *quote = is_word ? "" : "\"";
  return mh_buf_printf(to, "multipart/form-data; boundary=%s%.*s%s", quote, (int)boundary.len,
                       boundary.data, quote);
}
