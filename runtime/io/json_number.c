/* JSON numbers. See json_number.h. */
#include "io/json_number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits of a number without sign, point, leading and trailing zeros: its value is
 * 0.DIGITS x 10^scale. */
typedef struct decimal {
  const char *first, *end; /* in the text: digits, perhaps with a point among them */
  size_t count;            /* of digits; 0: the number is zero */
  int64_t scale;
  bool is_negative;
} decimal;

static const double TWO_63 = 9223372036854775808.0;
static const int64_t EXPONENT_LIMIT = INT64_C(1000000000000000);

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Saturates: beyond the limit the value is zero or overflows, whatever the digits are. */
static int64_t read_exponent(const char *p, const char *end) {
  bool is_negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  int64_t value = 0;
  for (; p < end; p++)
    if (value < EXPONENT_LIMIT) value = value * 10 + (*p - '0');
  return is_negative ? -value : value;
}

static decimal dissect(const char *p, const char *end) {
  decimal d = {NULL, NULL, 0, 0, *p == '-'};
  size_t digits = 0;  // since the first that is not zero
  bool after_point = false;
  if (d.is_negative) p++;
  for (; p < end && (is_digit(*p) || *p == '.'); p++) {
    if (*p == '.') {
      after_point = true;
      continue;
    }
    if (d.first == NULL && *p != '0') d.first = p;
    if (d.first != NULL) digits++;
    if (d.first != NULL && !after_point) d.scale++;
    if (d.first == NULL && after_point) d.scale--;
    if (*p == '0') continue;
    d.end = p + 1;
    d.count = digits;
  }
  if (p < end) d.scale += read_exponent(p + 1, end);
  return d;
}

static bool to_integer(const decimal *d, int64_t *integer) {
  if (d->count == 0) {
    *integer = 0;
    return !d->is_negative;
  }
  if (d->scale < (int64_t)d->count || d->scale > 19) return false;
  uint64_t value = 0;  // 19 digits always fit
  for (const char *p = d->first; p < d->end; p++)
    if (*p != '.') value = value * 10 + (uint64_t)(*p - '0');
  for (int64_t zeros = d->scale - (int64_t)d->count; zeros > 0; zeros--) value *= 10;
  uint64_t limit = (uint64_t)INT64_MAX + (d->is_negative ? 1 : 0);
  if (value > limit) return false;
  *integer = d->is_negative ? (int64_t)(0 - value) : (int64_t)value;
  return true;
}

/* Hands strtod the digits without a point, which is another character in some locales. No double
 * and no point half-way between two has more than 767 digits: all that can matter of the rest is
 * that there is one. */
static double to_real(const decimal *d) {
  enum { DIGITS = 768 };
  char text[DIGITS + 32];
  if (d->count == 0) return d->is_negative ? -0.0 : 0.0;
  size_t n = 0;
  for (const char *p = d->first; p < d->end && n < DIGITS; p++)
    if (*p != '.') text[n++] = *p;
  if (d->count > DIGITS) text[n++] = '1';
  snprintf(text + n, sizeof text - n, "e%" PRId64, d->scale - (int64_t)n);
  double value = strtod(text, NULL);
  return d->is_negative ? -value : value;
}

bool mh_json_number_read(const char *text, size_t n, mh_json_number *number) {
  decimal d = dissect(text, text + n);
  number->is_integer = to_integer(&d, &number->integer);
  if (number->is_integer) return true;
  number->real = to_real(&d);
  return isfinite(number->real);
}

/* Makes a point of whatever the locale has put there, which may be several bytes. */
static size_t set_point(char *text) {
  size_t n = strspn(text, "-0123456789");
  size_t other = strcspn(text + n, "e0123456789");
  if (other > 0) {
    text[n++] = '.';
    memmove(text + n, text + n + other - 1, strlen(text + n + other - 1) + 1);
  }
  return strlen(text);
}

size_t mh_json_number_write(double real, char out[MH_JSON_NUMBER_ROOM]) {
  bool is_whole = real >= -TWO_63 && real < TWO_63 && floor(real) == real;
  if (is_whole && !(real == 0 && signbit(real)))
    return (size_t)snprintf(out, MH_JSON_NUMBER_ROOM, "%" PRId64, (int64_t)real);
  for (int digits = 15; digits <= 17; digits++) {
    snprintf(out, MH_JSON_NUMBER_ROOM, "%.*g", digits, real);
    if (strtod(out, NULL) == real) break;
  }
  return set_point(out);
}
