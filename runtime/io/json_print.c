/* Takes marks out of JSON texts, and lays them out. See json_print.h. */
#include "io/json_print.h"

#include <stdbool.h>
#include <string.h>

#include "io/json_scan.h"

static const char OBJECT_MARK[] = {'"', (char)MH_JSON_MARK, '{', '"', ','};

/* Where the text is inside its lists. */
typedef struct unmarker {
  const char *p, *end;
  char *out;
  unsigned depth;
  bool is_object[MH_JSON_DEPTH + 1]; /* this list stands for an object … */
  bool at_name[MH_JSON_DEPTH + 1];   /* … and a name was read last */
} unmarker;

static bool is_marked(const unmarker *u, const char *mark, size_t n) {
  return (size_t)(u->end - u->p) >= n && memcmp(u->p, mark, n) == 0;
}

static void open_list(unmarker *u) {
  u->p++;
  bool is_object = is_marked(u, OBJECT_MARK, sizeof OBJECT_MARK);
  if (is_object) u->p += sizeof OBJECT_MARK;
  u->depth++;
  u->is_object[u->depth] = is_object;
  u->at_name[u->depth] = is_object;
  *u->out++ = is_object ? '{' : '[';
}

static void close_list(unmarker *u) {
  u->p++;
  *u->out++ = u->is_object[u->depth] ? '}' : ']';
  u->depth--;
}

static void separate(unmarker *u) {
  u->p++;
  if (!u->is_object[u->depth]) {
    *u->out++ = ',';
    return;
  }
  *u->out++ = u->at_name[u->depth] ? ':' : ',';
  u->at_name[u->depth] = !u->at_name[u->depth];
}

static void copy(unmarker *u, size_t n) {
  memcpy(u->out, u->p, n);
  u->out += n;
  u->p += n;
}

/* The length of what stands up to the next backslash or quote. */
static size_t plain_length(const char *p) {
  const char *start = p;
  while (*p != '"' && *p != '\\') p++;
  return (size_t)(p - start);
}

static void take_string(unmarker *u) {
  if ((unsigned char)u->p[1] == MH_JSON_MARK) {
    u->p += 2;
    copy(u, plain_length(u->p));
    u->p++;
    return;
  }
  copy(u, 1);
  for (;;) {
    copy(u, plain_length(u->p));
    if (*u->p == '"') break;
    if (u->p[1] == '/') u->p++;
    copy(u, u->p[0] == '/' ? 1 : 2);
  }
  copy(u, 1);
}

size_t mh_json_unmark(const char *text, size_t n, char *out) {
  unmarker u = {.p = text, .end = text + n, .out = out};
  while (u.p < u.end) {
    switch (*u.p) {
      case '"': take_string(&u); break;
      case '[': open_list(&u); break;
      case ']': close_list(&u); break;
      case ',': separate(&u); break;
      default: copy(&u, 1);
    }
  }
  return (size_t)(u.out - out);
}

static int new_line(mh_buf *out, unsigned depth) {
  int e = mh_buf_reserve(out, 1 + 2 * (size_t)depth);
  if (e != 0) return e;
  mh_buf_putc(out, '\n');
  memset(out->data + out->len, ' ', 2 * (size_t)depth);
  out->len += 2 * (size_t)depth;
  return 0;
}

static const char *skip_string(const char *p) {
  for (p++; *p != '"'; p++)
    if (*p == '\\') p++;
  return p + 1;
}

static bool is_bracket(char c) {
  return c == '[' || c == ']' || c == '{' || c == '}';
}

/* Appends one token and the white space that belongs around it; returns the end of the token. */
static const char *indent_token(const char *p, const char *end, unsigned *depth, mh_buf *out,
                                int *e) {
  if (*p == '"') {
    const char *next = skip_string(p);
    *e = mh_buf_append(out, p, (size_t)(next - p));
    return next;
  }
  bool opens = *p == '[' || *p == '{';
  if (opens && p + 1 < end && is_bracket(p[1]) && p[1] == *p + 2) {  // empty; ']' is '[' + 2
    *e = mh_buf_append(out, p, 2);
    return p + 2;
  }
  if (is_bracket(*p) && !opens) *e = new_line(out, --*depth);
  if (*e == 0) *e = mh_buf_putc(out, *p);
  if (*e == 0 && *p == ':') *e = mh_buf_putc(out, ' ');
  if (*e == 0 && (opens || *p == ',')) *e = new_line(out, *depth += opens ? 1 : 0);
  return p + 1;
}

int mh_json_indent(const char *text, size_t n, mh_buf *out) {
  const char *p = text, *end = text + n;
  unsigned depth = 0;
  int e = 0;
  while (p < end && e == 0) p = indent_token(p, end, &depth, out, &e);
  return e;
}
