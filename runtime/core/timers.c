/* The heap of timers. See timers.h. */
#include "core/timers.h"

static unsigned rank_of(const mh_timer *timer) {
  return timer != NULL ? timer->rank : 0;
}

static bool is_before(const mh_timer *a, const mh_timer *b) {
  return a->due != b->due ? a->due < b->due : a->number < b->number;
}

/* Keeps the way down to the right the short one. Returns whether the rank has changed. */
static bool settle(mh_timer *timer) {
  if (rank_of(timer->left) < rank_of(timer->right)) {
    mh_timer *left = timer->left;
    timer->left = timer->right;
    timer->right = left;
  }
  unsigned rank = timer->rank;
  timer->rank = rank_of(timer->right) + 1;
  return timer->rank != rank;
}

/* Goes no deeper than the ranks, which are logarithms. */
static mh_timer *merge(mh_timer *a, mh_timer *b) {
  if (a == NULL) return b;
  if (b == NULL) return a;
  mh_timer *top = is_before(b, a) ? b : a, *other = top == a ? b : a;
  top->right = merge(top->right, other);
  top->right->up = top;
  settle(top);
  return top;
}

static void set_first(mh_timers *timers, mh_timer *first) {
  timers->first = first;
  if (first != NULL) first->up = NULL;
}

void mh_timers_add(mh_timers *timers, mh_timer *timer) {
  timer->up = timer->left = timer->right = NULL;
  timer->rank = 1;
  timer->number = timers->started++;
  timers->count++;
  set_first(timers, merge(timers->first, timer));
}

void mh_timers_remove(mh_timers *timers, mh_timer *timer) {
  mh_timer *up = timer->up, *below = merge(timer->left, timer->right);
  timer->rank = 0;
  timers->count--;
  if (up == NULL) {
    set_first(timers, below);
    return;
  }
  if (below != NULL) below->up = up;
  if (up->left == timer) up->left = below;
  else up->right = below;
  while (up != NULL && settle(up)) up = up->up;
}
