/* The only source of time: real, or virtual and moved by the loop. Knows nothing of Lua.
 * Monotonic time is in nanoseconds from an arbitrary start, wall time in nanoseconds since
 * 1970-01-01 UTC. */
#ifndef MH_CLOCK_H
#define MH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define MH_SECOND UINT64_C(1000000000)
#define MH_MILLISECOND UINT64_C(1000000)
#define MH_NEVER UINT64_MAX

typedef struct mh_clock {
  bool is_virtual;
  uint64_t now;   /* virtual: monotonic time */
  int64_t start;  /* virtual: wall time at monotonic 0 */
  uint64_t ahead; /* real: how far virtual time has run ahead of the system's before */
} mh_clock;

void mh_clock_init_real(mh_clock *c);
void mh_clock_init_virtual(mh_clock *c, int64_t start_wall);

uint64_t mh_clock_now(const mh_clock *c);
int64_t mh_clock_wall(const mh_clock *c);
/* From one to the other; monotonic time goes on from where it is. */
void mh_clock_set_virtual(mh_clock *c, bool is_virtual);
void mh_clock_advance(mh_clock *c, uint64_t to); /* virtual only; never backwards */

/* now + seconds, saturated at MH_NEVER; seconds below 0 and NaN count as 0. */
uint64_t mh_clock_after(uint64_t now, double seconds);

#endif
