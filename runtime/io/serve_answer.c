/* What an answer is made of: questions about its headers and its body, however it is sent. See
 * serve_parts.h. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "io/serve_parts.h"

/* RFC 9110: token. Everything else in a name, a space before the colon above all, is how requests
 * are smuggled past whoever reads it differently. */
bool mh_is_token(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char c = s[i];
    bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!is_alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) return false;
  }
  return n > 0;
}

bool mh_answer_is_framing(const mh_header *h) {
  return strcasecmp(h->name, "content-length") == 0 ||
         strcasecmp(h->name, "transfer-encoding") == 0 || strcasecmp(h->name, "connection") == 0;
}

bool mh_answer_has(const mh_answer *a, const char *name) {
  for (size_t i = 0; i < a->header_count; i++)
    if (strcasecmp(a->headers[i].name, name) == 0) return true;
  return false;
}

bool mh_answer_wants_close(const mh_answer *a) {
  for (size_t i = 0; i < a->header_count; i++)
    if (strcasecmp(a->headers[i].name, "connection") == 0 &&
        strcasecmp(a->headers[i].value, "close") == 0)
      return true;
  return false;
}

size_t mh_answer_total(const mh_answer *a) {
  size_t total = 0;
  for (size_t i = 0; i < a->segment_count; i++) total += a->segments[i].len;
  return total;
}

void mh_answer_release(const mh_answer *a) {
  if (a->release != NULL) a->release(a->owner);
}

bool mh_answer_is_bodyless(const mh_request *r, unsigned status) {
  return status == MHD_HTTP_NO_CONTENT || status == MHD_HTTP_NOT_MODIFIED ||
         strcmp(mh_request_method(r), "HEAD") == 0;
}

const char *mh_answer_date(mh_server *s) {
  static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  int64_t second = mh_clock_wall(&s->loop->clock) / (int64_t)MH_SECOND;
  if (second == s->date_second) return s->date;
  time_t t = (time_t)second;
  struct tm tm;
  if (gmtime_r(&t, &tm) == NULL) return s->date;
  s->date_second = second;
  // The name of a day or month must not depend on the locale, so no strftime.
  snprintf(s->date, sizeof s->date, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
           tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
           tm.tm_sec);
  return s->date;
}
