/* Transactions of a store that stay open: who waits for them, and what ends them. */
#include <unistd.h>

#include "moonherd.h"
#include "store_fixture.h"

static uint64_t begin(fixture *f, mh_store *store) {
  mh_store_job *job = run(f, new_job(store, MH_STORE_BEGIN, 0, 0));
  uint64_t number = job->number;
  assert_done(job);
  return number;
}

static mh_store_job *within(uint64_t transaction, mh_store_job *job) {
  job->transaction = transaction;
  return job;
}

static mh_store_job *insert(mh_store *store) {
  return LIST(store, MH_STORE_WRITE, "INSERT INTO t(v) VALUES (1)");
}

static int64_t count(fixture *f, mh_store *store) {
  return read_integer(f, store, "SELECT count(*) FROM t");
}

static void test_others_wait_for_the_commit(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  uint64_t transaction = begin(f, store);
  mh_store_job *other = insert(store), *next = new_job(store, MH_STORE_BEGIN, 0, 0);
  mh_store_submit(other);
  mh_store_submit(next);
  assert_done(run(f, within(transaction, insert(store))));
  assert_false(other->is_finished);
  assert_int_equal(count(f, store), 0);
  assert_done(run(f, within(transaction, new_job(store, MH_STORE_COMMIT, 0, 0))));
  await(f, other);
  await(f, next);
  assert_done(other);
  assert_int_equal(count(f, store), 2);
  mh_store_leave(store, next->number);
  assert_done(next);
  write_done(f, store, "INSERT INTO t(v) VALUES (1)");
}

static void test_what_is_left_is_rolled_back(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  uint64_t transaction = begin(f, store);
  assert_done(run(f, within(transaction, insert(store))));
  mh_store_leave(store, transaction);
  mh_store_leave(store, transaction);
  assert_failed(run(f, within(transaction, insert(store))), "rolled_back", 0);
  mh_store_job *commit = within(transaction, new_job(store, MH_STORE_COMMIT, 0, 0));
  assert_failed(run(f, commit), "rolled_back", 0);
  uint64_t second = begin(f, store);  // is not touched by what belongs to the first
  mh_store_leave(store, transaction);
  assert_failed(run(f, within(transaction, insert(store))), "rolled_back", 0);
  assert_done(run(f, within(second, insert(store))));
  assert_done(run(f, within(second, new_job(store, MH_STORE_COMMIT, 0, 0))));
  assert_int_equal(count(f, store), 1);
}

static void on_abandoned(mh_store_job *job) {
  *(bool *)job->user = true;
}

static bool is_true(void *what) {
  return *(bool *)what;
}

/* Wherever the begin is when it is cancelled, no lock is left behind. */
static void test_a_cancelled_begin_leaves_no_lock(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  for (unsigned i = 0; i < 20; i++) {
    bool is_abandoned = false;
    mh_store_job *job = new_job(store, MH_STORE_BEGIN, 0, 0);
    job->user = &is_abandoned;
    job->on_abandoned = on_abandoned;
    mh_store_submit(job);
    usleep(i * 20);
    mh_op_cancel(&job->op);
    step_until(f, is_true, &is_abandoned);
    free_job(job);
    mh_store_job *freed = new_job(store, MH_STORE_BEGIN, 0, 0);
    mh_store_submit(freed);
    free_job(freed);
    write_done(f, store, "INSERT INTO t(v) VALUES (1)");
  }
  assert_int_equal(count(f, store), 20);
}

static void test_closing_rolls_back(void **state) {
  fixture *f = *state;
  mh_store *store = open_store(f);
  assert_done(run(f, within(begin(f, store), insert(store))));
  mh_store_job *other = insert(store);
  mh_store_submit(other);
  mh_store_job *closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  await(f, closed);
  assert_done(closed);
  assert_done(other);
  sqlite3 *db = raw_open(f->path);
  assert_int_equal(raw_integer(db, "SELECT count(*) FROM t"), 1);
  sqlite3_close(db);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(others_wait_for_the_commit),
      TEST(what_is_left_is_rolled_back),
      TEST(a_cancelled_begin_leaves_no_lock),
      TEST(closing_rolls_back),
  };
  return cmocka_run_group_tests_name("store_transaction", tests, NULL, NULL);
}
