/* Durations as people write them. See duration.h. */
#include "core/duration.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

typedef struct unit {
  const char *name;
  double seconds;
} unit;

/* Both letters that are written for micro. */
#define MICRO_SIGN "\xC2\xB5"
#define MU "\xCE\xBC"

static const unit units[] = {
    {"w", 604800},  {"d", 86400}, {"h", 3600},
    {"m", 60},      {"min", 60},  {"s", 1},
    {"ms", 1e-3},   {"us", 1e-6}, {MICRO_SIGN "s", 1e-6},
    {MU "s", 1e-6}, {"ns", 1e-9},
};

/* What is left to be read. */
typedef struct rest {
  const char *at, *end;
} rest;

static bool has_digit(const rest *r) {
  return r->at < r->end && isdigit((unsigned char)*r->at);
}

/* Digits, and perhaps a point with digits behind it. */
static bool read_number(rest *r, double *value) {
  double places = 1;
  if (!has_digit(r)) return false;
  *value = 0;
  for (; has_digit(r); r->at++) *value = *value * 10 + (*r->at - '0');
  if (r->at == r->end || *r->at != '.') return true;
  r->at++;
  if (!has_digit(r)) return false;
  for (; has_digit(r); r->at++) {
    *value = *value * 10 + (*r->at - '0');
    places *= 10;
  }
  *value /= places;
  return true;
}

/* The unit here, which ends before a space, a digit or the end; NULL when there is none. */
static const unit *read_unit(rest *r) {
  const char *from = r->at;
  while (r->at < r->end && *r->at != ' ' && !has_digit(r)) r->at++;
  size_t n = (size_t)(r->at - from);
  for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
    if (strlen(units[i].name) == n && memcmp(units[i].name, from, n) == 0) return &units[i];
  return NULL;
}

/* A number and its unit, which is smaller than the last one. */
static bool read_part(rest *r, double *seconds, double *last) {
  double value;
  if (!read_number(r, &value)) return false;
  const unit *u = read_unit(r);
  if (u == NULL || u->seconds >= *last) return false;
  *last = u->seconds;
  *seconds += value * u->seconds;
  return true;
}

static bool read_parts(rest *r, double *seconds) {
  double last = INFINITY;
  *seconds = 0;
  do {
    if (!read_part(r, seconds, &last)) return false;
    while (r->at + 1 < r->end && *r->at == ' ') r->at++;
  } while (r->at < r->end);
  return true;
}

bool mh_duration_parse(const char *text, size_t n, double *seconds) {
  rest alone = {text, text + n}, parts = alone;
  double read;
  bool is_number = read_number(&alone, &read) && alone.at == alone.end;
  if (!is_number && !read_parts(&parts, &read)) return false;
  if (!isfinite(read)) return false;
  *seconds = read;
  return true;
}
