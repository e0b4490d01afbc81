/* The clock. See clock.h. */
#include "core/clock.h"

#include <time.h>
#include <uv.h>

void mh_clock_init_real(mh_clock *c) {
  *c = (mh_clock){0};
}

void mh_clock_init_virtual(mh_clock *c, int64_t start_wall) {
  *c = (mh_clock){.is_virtual = true, .start = start_wall};
}

uint64_t mh_clock_now(const mh_clock *c) {
  return c->is_virtual ? c->now : uv_hrtime() + c->ahead;
}

int64_t mh_clock_wall(const mh_clock *c) {
  if (c->is_virtual) return c->start + (int64_t)c->now;
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (int64_t)t.tv_sec * (int64_t)MH_SECOND + t.tv_nsec;
}

void mh_clock_set_virtual(mh_clock *c, bool is_virtual) {
  if (is_virtual == c->is_virtual) return;
  uint64_t now = mh_clock_now(c);
  if (is_virtual) c->start = mh_clock_wall(c) - (int64_t)now;
  else c->ahead = now - uv_hrtime();
  c->now = now;
  c->is_virtual = is_virtual;
}

void mh_clock_advance(mh_clock *c, uint64_t to) {
  if (c->is_virtual && to > c->now) c->now = to;
}

uint64_t mh_clock_after(uint64_t now, double seconds) {
  if (!(seconds > 0)) return now;
  double ns = seconds * (double)MH_SECOND;
  if (ns >= (double)(MH_NEVER / 2 - now)) return MH_NEVER;
  return now + (uint64_t)ns;
}
