/* Timers in order of their due times: a leftist heap. Its links are in the timers themselves, so that
 * starting one takes no memory and cannot fail; each change costs the logarithm of their number. */
#ifndef MH_TIMERS_H
#define MH_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A timer on a loop's clock. Embedded in its owner; zero it, set on_timer, start it: see loop.h. */
typedef struct mh_timer mh_timer;
struct mh_timer {
  uint64_t due;                     /* monotonic nanoseconds */
  void (*on_timer)(mh_timer *self); /* the timer has stopped; may start it again; runs no Lua */
  uint64_t number;                  /* of two due at once, the lower one was started first */
  mh_timer *up, *left, *right;      /* each is due no earlier than the one above it */
  unsigned rank; /* how many timers lie down to the right, with this one; 0: not running */
};

typedef struct mh_timers {
  mh_timer *first; /* the next one due */
  size_t count;
  uint64_t started; /* ever */
} mh_timers;

void mh_timers_add(mh_timers *timers, mh_timer *timer);    /* its `due` is set; it is not running */
void mh_timers_remove(mh_timers *timers, mh_timer *timer); /* it is running */

#endif
