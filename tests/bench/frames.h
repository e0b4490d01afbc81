/* What the benches of frames share: the CPU time of a thread, and what a list of such times comes to.
 * Every bench is one file, so this is all here. */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* CPU time of the calling thread, in microseconds. */
static inline double thread_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* The rest of a frame, in which a game would draw. */
static inline void rest(double ms) {
  struct timespec t = {.tv_nsec = (long)(ms * 1e6)};
  nanosleep(&t, NULL);
}

/* Memory of the process, in kilobytes. */
static inline long memory_kb(void) {
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
  fclose(file);
  return pages * 4;
}

/* Times, in microseconds. */
typedef struct times {
  double *us;
  size_t n, room;
} times;

static inline times times_new(size_t room) {
  return (times){calloc(room, sizeof(double)), 0, room};
}

static inline void times_add(times *t, double us) {
  if (t->n < t->room) t->us[t->n++] = us;
}

static inline int compare_times(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The time that a share of them does not pass; they must be sorted. */
static inline double times_at(const times *t, double share) {
  size_t i = (size_t)((double)t->n * share);
  return t->n == 0 ? 0 : t->us[i < t->n ? i : t->n - 1];
}

/* Sorts and prints them, and forgets them. */
static inline void times_print(times *t, const char *name) {
  double sum = 0;
  qsort(t->us, t->n, sizeof *t->us, compare_times);
  for (size_t i = 0; i < t->n; i++) sum += t->us[i];
  printf("%s: mean %.3f us, 99%% %.3f us, 99.99%% %.3f us, most %.3f us\n", name,
         t->n > 0 ? sum / (double)t->n : 0, times_at(t, 0.99), times_at(t, 0.9999), times_at(t, 1));
  free(t->us);
}

#endif
