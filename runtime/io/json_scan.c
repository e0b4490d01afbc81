/* Checks JSON texts and marks what cjson would lose. See json_scan.h.
 *
 * Recursive descent. Every function takes the place where it begins and returns the place behind
 * what it has read, or NULL when it has refused the text. Nothing tests for the end of the text: the
 * zero byte behind it is valid nowhere, so every loop stops there. */
#include "io/json_scan.h"

#include <stdint.h>
#include <string.h>

#include "io/json_number.h"
#include "moonherd.h"

typedef const unsigned char *place;

typedef struct scanner {
  mh_json_scan *scan;
  place text, end;
  place copied; /* everything before it is in `marked` already */
  mh_buf *marked;
  place refused; /* where */
  unsigned depth;
  bool no_memory;
} scanner;

/* Bytes that stand for themselves in a string: ASCII without controls, quotes and backslashes. */
static const unsigned char PLAIN[256] = {
    [0x20 ... 0x21] = 1, [0x23 ... 0x5B] = 1, [0x5D ... 0x7F] = 1};

static place refuse(scanner *s, place p, const char *why) {
  s->refused = p;
  s->scan->why = p == s->end ? "the text ends too early" : why;
  return NULL;
}

static place skip_space(place p) {
  while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t') p++;
  return p;
}

static bool is_digit(unsigned char c) {
  return c >= '0' && c <= '9';
}

/* ---- UTF-8 -------------------------------------------------------------------------------------- */

static bool follows(unsigned char c) {
  return (c & 0xC0) == 0x80;
}

/* The length of the character that begins with a byte above 0x7F; 0 when it is not valid: cut off,
 * longer than need be, half a surrogate pair, beyond U+10FFFF. Reads no further than its bytes. */
static size_t character(place p) {
  unsigned char c = p[0];
  if (c < 0xC2 || c > 0xF4 || !follows(p[1])) return 0;
  if (c < 0xE0) return 2;
  if (c < 0xF0) {
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F)) return 0;
    return follows(p[2]) ? 3 : 0;
  }
  if ((c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F)) return 0;
  return follows(p[2]) && follows(p[3]) ? 4 : 0;
}

size_t mh_json_utf8(const char *s, size_t n) {
  place start = (place)s, end = start + n, p = start;
  while (p < end) {
    uint64_t eight;
    if ((size_t)(end - p) >= sizeof eight) {
      memcpy(&eight, p, sizeof eight);
      if ((eight & UINT64_C(0x8080808080808080)) == 0) {
        p += sizeof eight;
        continue;
      }
    }
    size_t length = *p < 0x80 ? 1 : character(p);
    if (length == 0) break;
    p += length;
  }
  return (size_t)(p - start);
}

/* ---- marks -------------------------------------------------------------------------------------- */

/* Puts a mark in the place of the text from `from` to `to`: that text itself, quoted and marked. */
static bool mark(scanner *s, place from, place to, const char *shown, size_t n) {
  static const char OPEN[] = {'"', (char)MH_JSON_MARK};
  mh_buf *b = s->marked;
  if (b->len == 0) mh_buf_reserve(b, (size_t)(s->end - s->text) * 5 / 4);
  if (mh_buf_append(b, s->copied, (size_t)(from - s->copied)) != 0 ||
      mh_buf_append(b, OPEN, sizeof OPEN) != 0 || mh_buf_append(b, shown, n) != 0 ||
      mh_buf_putc(b, '"') != 0) {
    s->no_memory = true;
    return false;
  }
  s->copied = to;
  s->scan->has_marks = true;
  return true;
}

/* ---- values ------------------------------------------------------------------------------------- */

static int hex_digit(unsigned char c) {
  if (is_digit(c)) return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The code unit of the four digits at p, or -1. */
static int code_unit(place p) {
  int unit = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_digit(p[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

/* p: behind \u. */
static place scan_unicode(scanner *s, place p) {
  int unit = code_unit(p);
  if (unit < 0) return refuse(s, p, "four hexadecimal digits belong after \\u");
  p += 4;
  if (unit < 0xD800 || unit > 0xDFFF) return p;
  int low = unit < 0xDC00 && p[0] == '\\' && p[1] == 'u' ? code_unit(p + 2) : -1;
  if (low < 0xDC00 || low > 0xDFFF) return refuse(s, p - 6, "half of a surrogate pair");
  return p + 6;
}

/* p: at the backslash. */
static place scan_escape(scanner *s, place p) {
  switch (p[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return p + 2;
    case 'u': return scan_unicode(s, p + 2);
    default: return refuse(s, p + 1, "no escape sequence begins with this character");
  }
}

/* p: behind the opening quote. */
static place scan_string(scanner *s, place p) {
  for (;;) {
    while (PLAIN[*p]) p++;
    if (*p == '"') return p + 1;
    if (*p == '\\') {
      p = scan_escape(s, p);
      if (p == NULL) return NULL;
    } else if (*p < 0x20) {
      return refuse(s, p, "control characters must be escaped in a string");
    } else {
      size_t length = character(p);
      if (length == 0) return refuse(s, p, "invalid UTF-8");
      p += length;
    }
  }
}

static place skip_digits(place p) {
  while (is_digit(*p)) p++;
  return p;
}

/* p: at a digit or a minus. Integers that cjson would not keep, and all others, are marked. */
static place scan_number(scanner *s, place p) {
  place start = p, digits = *p == '-' ? p + 1 : p;
  p = skip_digits(digits);
  if (p == digits) return refuse(s, p, "a digit belongs after the minus");
  if (*digits == '0' && p - digits > 1) return refuse(s, digits, "leading zeros are not allowed");
  bool is_plain = p - digits <= MH_JSON_PLAIN_DIGITS && !(*start == '-' && *digits == '0');
  bool may_overflow = p - digits > 308;
  if (*p == '.') {
    is_plain = false;
    place fraction = ++p;
    p = skip_digits(p);
    if (p == fraction) return refuse(s, p, "a digit belongs after the point");
  }
  if (*p == 'e' || *p == 'E') {
    is_plain = false;
    may_overflow = true;
    place exponent = p[1] == '+' || p[1] == '-' ? p + 2 : p + 1;
    p = skip_digits(exponent);
    if (p == exponent) return refuse(s, p, "a digit belongs after the exponent sign");
  }
  s->scan->has_numbers = true;
  if (is_plain) return p;
  size_t n = (size_t)(p - start);
  mh_json_number number;
  if (may_overflow && !mh_json_number_read((const char *)start, n, &number))
    return refuse(s, start, "the number is too large");
  return mark(s, start, p, (const char *)start, n) ? p : NULL;
}

static place scan_word(scanner *s, place p, const char *word, size_t n) {
  if (strncmp((const char *)p, word, n) == 0) return p + n;
  return refuse(s, p, "a value was expected");
}

static place scan_value(scanner *s, place p);

static bool descend(scanner *s, place p) {
  if (++s->depth <= MH_JSON_DEPTH) return true;
  refuse(s, p, "more than 128 levels deep");
  return false;
}

/* p: at the opening bracket. */
static place scan_list(scanner *s, place p) {
  place start = p;
  if (!descend(s, p)) return NULL;
  s->scan->has_lists = true;
  p = skip_space(p + 1);
  if (*p == ']') {
    s->depth--;
    return mark(s, start, p + 1, "[]", 2) ? p + 1 : NULL;
  }
  for (;;) {
    p = scan_value(s, p);
    if (p == NULL) return NULL;
    p = skip_space(p);
    if (*p == ']') break;
    if (*p != ',') return refuse(s, p, "',' or ']' was expected");
    p = skip_space(p + 1);
    if (*p == ']') return refuse(s, p, "a comma before ']'");
  }
  s->depth--;
  return p + 1;
}

/* One "name": value. */
static place scan_member(scanner *s, place p) {
  if (*p != '"') return refuse(s, p, "a name in double quotes was expected");
  p = scan_string(s, p + 1);
  if (p == NULL) return NULL;
  p = skip_space(p);
  if (*p != ':') return refuse(s, p, "':' was expected");
  return scan_value(s, skip_space(p + 1));
}

/* p: at the opening brace. */
static place scan_object(scanner *s, place p) {
  if (!descend(s, p)) return NULL;
  p = skip_space(p + 1);
  while (*p != '}') {
    p = scan_member(s, p);
    if (p == NULL) return NULL;
    p = skip_space(p);
    if (*p == '}') break;
    if (*p != ',') return refuse(s, p, "',' or '}' was expected");
    p = skip_space(p + 1);
    if (*p == '}') return refuse(s, p, "a comma before '}'");
  }
  s->depth--;
  return p + 1;
}

static place scan_value(scanner *s, place p) {
  switch (*p) {
    case '{': return scan_object(s, p);
    case '[': return scan_list(s, p);
    case '"': return scan_string(s, p + 1);
    case 't': return scan_word(s, p, "true", 4);
    case 'f': return scan_word(s, p, "false", 5);
    case 'n': s->scan->has_nulls = true; return scan_word(s, p, "null", 4);
    default:
      if (*p == '-' || is_digit(*p)) return scan_number(s, p);
      return refuse(s, p, "a value was expected");
  }
}

static place scan_whole(scanner *s) {
  place p = s->text;
  if (strncmp((const char *)p, "\xEF\xBB\xBF", 3) == 0)
    return refuse(s, p, "a byte order mark is in front of the text");
  p = scan_value(s, skip_space(p));
  if (p == NULL) return NULL;
  p = skip_space(p);
  return p == s->end ? p : refuse(s, p, "something follows the value");
}

/* ---- the result --------------------------------------------------------------------------------- */

static void locate(const scanner *s) {
  mh_json_scan *scan = s->scan;
  scan->line = scan->column = 1;
  for (place p = s->text; p < s->refused; p++) {
    if (*p == '\n') {
      scan->line++;
      scan->column = 1;
    } else if (!follows(*p)) {
      scan->column++;
    }
  }
}

int mh_json_scan_text(const char *text, size_t n, mh_buf *marked, mh_json_scan *scan) {
  memset(scan, 0, sizeof *scan);
  scanner s = {.scan = scan, .text = (place)text, .copied = (place)text, .marked = marked};
  s.end = s.text + n;
  bool is_good = n <= MH_JSON_LARGEST ? scan_whole(&s) != NULL
                                      : refuse(&s, s.text, "the text is too large") != NULL;
  if (is_good && scan->has_marks)
    s.no_memory = mh_buf_append(marked, s.copied, (size_t)(s.end - s.copied)) != 0;
  if (s.no_memory) return MOONHERD_ENOMEM;
  if (is_good) return 0;
  locate(&s);
  return MOONHERD_EPROTO;
}
