/* The loop: timers, the ready queue, messages from threads, the step and its budget, both clocks. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/loop.h"
#include "core/op.h"
#include "moonherd.h"

typedef struct fixture {
  mh_loop loop;
  int order[64];
  int count;
} fixture;

typedef struct item {
  mh_timer timer;
  mh_ready ready;
  mh_post post;
  fixture *f;
  int number, again;
} item;

static item *of(void *member, size_t offset) {
  return (item *)((char *)member - offset);
}

static void note(item *i) {
  i->f->order[i->f->count++ % 64] = i->number;
}

static void on_timer(mh_timer *t) {
  note(of(t, offsetof(item, timer)));
}

static void on_run(mh_ready *r) {
  item *i = of(r, offsetof(item, ready));
  note(i);
  if (i->again-- > 0) mh_loop_enqueue(&i->f->loop, r);
}

static void on_post(mh_post *p) {
  note(of(p, offsetof(item, post)));
}

static fixture *open_real(void) {
  fixture *f = calloc(1, sizeof *f);
  mh_clock clock;
  mh_clock_init_real(&clock);
  assert_int_equal(0, mh_loop_init(&f->loop, &clock));
  return f;
}

static fixture *open_virtual(void) {
  fixture *f = calloc(1, sizeof *f);
  mh_clock clock;
  mh_clock_init_virtual(&clock, 0);
  assert_int_equal(0, mh_loop_init(&f->loop, &clock));
  return f;
}

static void close_fixture(fixture *f) {
  mh_loop_fini(&f->loop);
  free(f);
}

static item make(fixture *f, int number) {
  return (item){.timer.on_timer = on_timer,
                .ready.on_run = on_run,
                .post.on_post = on_post,
                .f = f,
                .number = number};
}

static void timers_fire_in_order_of_their_due_time(void **state) {
  (void)state;
  fixture *f = open_virtual();
  enum { N = 50 };
  item items[N];
  for (int i = 0; i < N; i++) {
    items[i] = make(f, i);
    mh_timer_start(&f->loop, &items[i].timer, (uint64_t)((i * 37) % N + 1) * MH_SECOND);
  }
  mh_timer_stop(&f->loop, &items[10].timer);
  mh_timer_stop(&f->loop, &items[10].timer);
  mh_timer_start(&f->loop, &items[11].timer, 1000 * MH_SECOND);
  while (f->loop.timers.count > 0) mh_loop_step(&f->loop, 0, -1);
  assert_int_equal(N - 1, f->count);
  for (int i = 1; i < N - 2; i++) {
    int before = (f->order[i - 1] * 37) % N, now = (f->order[i] * 37) % N;
    assert_true(before < now);
  }
  assert_int_equal(11, f->order[N - 2]);
  assert_true(mh_loop_now(&f->loop) == 1000 * MH_SECOND);
  close_fixture(f);
}

static void timers_due_at_the_same_time_fire_in_the_order_they_were_started(void **state) {
  (void)state;
  fixture *f = open_virtual();
  enum { N = 50 };
  item items[N];
  for (int i = 0; i < N; i++) items[i] = make(f, i);
  for (int i = 0; i < N; i++) mh_timer_start(&f->loop, &items[i].timer, MH_SECOND);
  mh_timer_start(&f->loop, &items[0].timer, MH_SECOND);  // anew: the last one now
  while (f->loop.timers.count > 0) mh_loop_step(&f->loop, 0, -1);
  assert_int_equal(N, f->count);
  for (int i = 0; i < N; i++) assert_int_equal((i + 1) % N, f->order[i]);
  close_fixture(f);
}

/* The heap against a look at all of them. */
static void timers_started_and_stopped_at_random_come_in_order(void **state) {
  (void)state;
  enum { N = 300, CHANGES = 30000 };
  static mh_timer all[N];
  mh_timers timers = {0};
  unsigned random = 1;
  for (int change = 0; change < CHANGES; change++) {
    random = random * 1103515245 + 12345;
    mh_timer *timer = &all[random / 65536 % N];
    if (timer->rank != 0) {
      mh_timers_remove(&timers, timer);
    } else {
      timer->due = random / 256 % 100;
      mh_timers_add(&timers, timer);
    }
    const mh_timer *first = NULL;
    size_t count = 0;
    for (int i = 0; i < N; i++) {
      const mh_timer *t = &all[i];
      if (t->rank == 0) continue;
      count++;
      bool is_earlier = first == NULL || t->due < first->due;
      if (is_earlier || (t->due == first->due && t->number < first->number)) first = t;
    }
    assert_int_equal(count, timers.count);
    assert_ptr_equal(first, timers.first);
  }
}

static void a_virtual_clock_stands_still_while_something_can_happen(void **state) {
  (void)state;
  fixture *f = open_virtual();
  item timer = make(f, 1), ready = make(f, 2);
  mh_timer_start(&f->loop, &timer.timer, MH_SECOND);
  ready.again = 3;
  mh_loop_enqueue(&f->loop, &ready.ready);
  f->loop.open_jobs = 1;
  mh_loop_step(&f->loop, 0, 0);
  assert_int_equal(0, mh_loop_now(&f->loop));
  f->loop.open_jobs = 0;
  mh_loop_step(&f->loop, 0, 0);
  assert_true(mh_loop_now(&f->loop) == MH_SECOND);
  assert_int_equal(1, f->order[f->count - 1]);
  close_fixture(f);
}

static void a_timer_due_at_once_is_not_slept_past(void **state) {
  (void)state;
  fixture *f = open_real();
  item timer = make(f, 1);
  mh_timer_start(&f->loop, &timer.timer, mh_loop_now(&f->loop));
  mh_loop_step(&f->loop, 0, -1);  // may wait for ever
  assert_int_equal(1, f->count);
  close_fixture(f);
}

static void on_restless_timer(mh_timer *t) {
  item *i = of(t, offsetof(item, timer));
  note(i);
  mh_timer_start(&i->f->loop, t, mh_loop_now(&i->f->loop));
}

static void a_timer_that_starts_itself_anew_does_not_hold_the_loop(void **state) {
  (void)state;
  fixture *f = open_virtual();
  item timer = make(f, 1);
  timer.timer.on_timer = on_restless_timer;
  mh_timer_start(&f->loop, &timer.timer, 0);
  for (int i = 1; i <= 3; i++) {
    mh_loop_step(&f->loop, 0, 0);
    assert_int_equal(i, f->count);
  }
  mh_timer_stop(&f->loop, &timer.timer);
  close_fixture(f);
}

static void a_real_timer_is_never_early(void **state) {
  (void)state;
  fixture *f = open_real();
  item timer = make(f, 1);
  uint64_t due = mh_loop_now(&f->loop) + 3 * MH_MILLISECOND;
  mh_timer_start(&f->loop, &timer.timer, due);
  while (f->count == 0) mh_loop_step(&f->loop, 0, -1);
  assert_true(mh_loop_now(&f->loop) >= due);
  close_fixture(f);
}

static void ready_runs_oldest_first_and_again_goes_to_the_tail(void **state) {
  (void)state;
  fixture *f = open_real();
  item a = make(f, 1), b = make(f, 2), c = make(f, 3);
  a.again = 1;
  mh_loop_enqueue(&f->loop, &a.ready);
  mh_loop_enqueue(&f->loop, &a.ready);
  mh_loop_enqueue(&f->loop, &b.ready);
  mh_loop_enqueue(&f->loop, &c.ready);
  mh_loop_dequeue(&f->loop, &c.ready);
  assert_int_equal(MH_LOOP_IDLE, mh_loop_step(&f->loop, 0, 0));
  assert_int_equal(3, f->count);
  assert_int_equal(1, f->order[0]);
  assert_int_equal(2, f->order[1]);
  assert_int_equal(1, f->order[2]);
  close_fixture(f);
}

static void a_budget_ends_a_step_after_at_least_one_run(void **state) {
  (void)state;
  fixture *f = open_real();
  item a = make(f, 1);
  a.again = 1 << 30;
  mh_loop_enqueue(&f->loop, &a.ready);
  assert_int_equal(MH_LOOP_READY, mh_loop_step(&f->loop, 1e-9, 0));
  assert_int_equal(1, f->count);
  assert_int_equal(0, mh_loop_timeout(&f->loop));
  mh_loop_dequeue(&f->loop, &a.ready);
  close_fixture(f);
}

static void step_inside(mh_ready *r) {
  item *i = of(r, offsetof(item, ready));
  i->number = mh_loop_step(&i->f->loop, 0, 0);
}

static void a_step_inside_a_step_is_refused(void **state) {
  (void)state;
  fixture *f = open_real();
  item a = make(f, 1);
  a.ready.on_run = step_inside;
  mh_loop_enqueue(&f->loop, &a.ready);
  mh_loop_step(&f->loop, 0, 0);
  assert_int_equal(MOONHERD_EBUSY, a.number);
  close_fixture(f);
}

enum { THREADS = 4, POSTS = 500 };

typedef struct poster {
  uv_thread_t thread;
  item items[POSTS];
} poster;

static void post_all(void *arg) {
  poster *p = arg;
  for (int i = 0; i < POSTS; i++) mh_loop_post(&p->items[i].f->loop, &p->items[i].post);
}

static void messages_from_threads_arrive_all_and_in_order(void **state) {
  (void)state;
  fixture *f = open_real();
  poster *posters = calloc(THREADS, sizeof *posters);
  for (int t = 0; t < THREADS; t++) {
    for (int i = 0; i < POSTS; i++) posters[t].items[i] = make(f, i);
    uv_thread_create(&posters[t].thread, post_all, &posters[t]);
  }
  while (f->count < THREADS * POSTS) mh_loop_step(&f->loop, 0, -1);
  for (int t = 0; t < THREADS; t++) uv_thread_join(&posters[t].thread);
  free(posters);
  close_fixture(f);
}

static void a_wake_ends_a_wait_and_shows_on_the_descriptor(void **state) {
  (void)state;
  fixture *f = open_real();
  mh_loop_step(&f->loop, 0, 0);
  mh_loop_wake(&f->loop);
  struct pollfd p = {.fd = mh_loop_fd(&f->loop), .events = POLLIN};
  assert_int_equal(1, poll(&p, 1, 1000));
  mh_loop_step(&f->loop, 0, -1);
  assert_int_equal(-1, mh_loop_timeout(&f->loop));
  close_fixture(f);
}

static void cancelled_op(mh_op *op) {
  op->status = 99;
}

static void an_operation_is_done_once_or_cancelled(void **state) {
  (void)state;
  fixture *f = open_real();
  item a = make(f, 1);
  mh_op op;
  mh_op_init(&op, &f->loop, "test", cancelled_op);
  mh_op_start(&op);
  op.waiter = &a.ready;
  assert_ptr_equal(&op, f->loop.ops);
  mh_op_ready(&op, MOONHERD_EIO);
  mh_op_ready(&op, 0);
  assert_true(op.is_done && !op.is_open && op.status == MOONHERD_EIO);
  mh_op_cancel(&op);
  assert_int_equal(MOONHERD_EIO, op.status);
  mh_op_start(&op);
  mh_op_cancel(&op);
  assert_true(!op.is_open && !op.is_done);
  assert_int_equal(99, op.status);
  assert_null(f->loop.ops);
  mh_loop_step(&f->loop, 0, 0);
  assert_int_equal(1, f->count);
  close_fixture(f);
}

static void a_clock_goes_on_from_where_it_is_when_it_changes(void **state) {
  (void)state;
  fixture *f = open_real();
  mh_clock *clock = &f->loop.clock;
  uint64_t before = mh_clock_now(clock);
  int64_t wall = mh_clock_wall(clock);
  mh_clock_set_virtual(clock, true);
  uint64_t start = mh_clock_now(clock);
  assert_true(start >= before && mh_clock_wall(clock) >= wall);
  item timer = make(f, 1);
  mh_timer_start(&f->loop, &timer.timer, mh_clock_after(start, 3600));
  mh_loop_step(&f->loop, 0, 0);
  assert_int_equal(1, f->count);
  mh_clock_set_virtual(clock, false);
  assert_true(mh_clock_now(clock) >= start + 3600 * MH_SECOND);
  assert_true(mh_clock_wall(clock) < wall + 3600 * (int64_t)MH_SECOND);
  close_fixture(f);
}

static void clock_arithmetic_saturates(void **state) {
  (void)state;
  assert_true(mh_clock_after(5, 1.5) == 5 + 3 * MH_SECOND / 2);
  assert_true(mh_clock_after(5, -1) == 5);
  assert_true(mh_clock_after(5, 1e300) == MH_NEVER);
  assert_true(mh_clock_after(5, 0.0 / 0.0) == 5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(timers_fire_in_order_of_their_due_time),
      cmocka_unit_test(timers_due_at_the_same_time_fire_in_the_order_they_were_started),
      cmocka_unit_test(timers_started_and_stopped_at_random_come_in_order),
      cmocka_unit_test(a_virtual_clock_stands_still_while_something_can_happen),
      cmocka_unit_test(a_timer_due_at_once_is_not_slept_past),
      cmocka_unit_test(a_timer_that_starts_itself_anew_does_not_hold_the_loop),
      cmocka_unit_test(a_real_timer_is_never_early),
      cmocka_unit_test(ready_runs_oldest_first_and_again_goes_to_the_tail),
      cmocka_unit_test(a_budget_ends_a_step_after_at_least_one_run),
      cmocka_unit_test(a_step_inside_a_step_is_refused),
      cmocka_unit_test(messages_from_threads_arrive_all_and_in_order),
      cmocka_unit_test(a_wake_ends_a_wait_and_shows_on_the_descriptor),
      cmocka_unit_test(an_operation_is_done_once_or_cancelled),
      cmocka_unit_test(a_clock_goes_on_from_where_it_is_when_it_changes),
      cmocka_unit_test(clock_arithmetic_saturates),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
