/* Rows that are read page by page: their moment, and what becomes of them when nobody reads on. */
#include <unistd.h>

#include "io/store_rows.h"
#include "store_fixture.h"

enum { MANY = 10000 };

static mh_store *open_filled(fixture *f) {
  mh_store *store = open_store(f);
  write_done(f, store,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) "
             "INSERT INTO t SELECT i, i FROM n");
  return store;
}

static mh_store_job *page_of(mh_store_rows *rows, const char *sql) {
  mh_store_job *job = LIST(rows->store, MH_STORE_PAGE, sql);
  job->rows = rows;
  return job;
}

/* How many rows the next page has. */
static size_t read_page(fixture *f, mh_store_rows *rows, const char *sql) {
  mh_store_job *job = run(f, page_of(rows, sql));
  size_t count = job->statements[0].rows;
  assert_done(job);
  return count;
}

static void test_pages_are_of_one_moment(void **state) {
  fixture *f = *state;
  mh_store *store = open_filled(f);
  mh_store_rows rows;
  mh_store_rows_begin(&rows, store);
  size_t count = read_page(f, &rows, "SELECT k FROM t");
  assert_true(count > 0 && count < MANY);
  write_done(f, store, "DELETE FROM t");
  while (rows.has_more) count += read_page(f, &rows, "");
  assert_int_equal(count, MANY);
  assert_null(rows.conn);
  assert_int_equal(read_integer(f, store, "SELECT count(*) FROM t"), 0);
  mh_store_rows_end(&rows);
  mh_store_rows_end(&rows);
}

static void test_a_single_page_keeps_nothing(void **state) {
  fixture *f = *state;
  mh_store_rows rows;
  mh_store_rows_begin(&rows, open_filled(f));
  assert_int_equal(read_page(f, &rows, "SELECT k FROM t LIMIT 3"), 3);
  assert_false(rows.has_more);
  assert_null(rows.conn);
  mh_store_rows_end(&rows);
}

static void test_a_failure_ends_them(void **state) {
  fixture *f = *state;
  mh_store *store = open_filled(f);
  static const char *const wrong[] = {"SELEKT 1", "SELECT ?", "DELETE FROM t",
                                      "SELECT abs(-9223372036854775807 - k) FROM t"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    mh_store_rows rows;
    mh_store_rows_begin(&rows, store);
    assert_failed(run(f, page_of(&rows, wrong[i])), "sql", 1);
    assert_false(rows.has_more);
    mh_store_rows_end(&rows);
  }
}

/* The store cannot end while somebody reads; it does when they have let go. */
static void test_rows_are_a_user_of_the_store(void **state) {
  fixture *f = *state;
  mh_store *store = open_filled(f);
  mh_store_rows rows;
  mh_store_rows_begin(&rows, store);
  read_page(f, &rows, "SELECT k FROM t");
  mh_store_job *closed = new_job(store, MH_STORE_CLOSE, 0, 0);
  mh_store_release(store, closed);
  await(f, closed);
  assert_done(closed);
  assert_true(read_page(f, &rows, "") > 0);
  mh_store_rows_end(&rows);
}

static void on_abandoned(mh_store_job *job) {
  *(bool *)job->user = true;
}

static bool is_true(void *what) {
  return *(bool *)what;
}

/* Wherever the page is when it is cancelled, and the rows are let go of. */
static void test_rows_are_left_while_a_page_is_read(void **state) {
  fixture *f = *state;
  mh_store *store = open_filled(f);
  for (unsigned i = 0; i < 20; i++) {
    bool is_abandoned = false;
    mh_store_rows rows;
    mh_store_rows_begin(&rows, store);
    if (i % 2 == 0) read_page(f, &rows, "SELECT k FROM t");
    mh_store_job *job = page_of(&rows, "SELECT count(*) FROM t a, t b");
    job->user = &is_abandoned;
    job->on_abandoned = on_abandoned;
    mh_store_submit(job);
    usleep(i * 20);
    mh_op_cancel(&job->op);
    mh_store_rows_end(&rows);
    step_until(f, is_true, &is_abandoned);
    assert_null(rows.store);
    free_job(job);
    mh_store_rows_begin(&rows, store);
    job = page_of(&rows, "SELECT k FROM t");
    mh_store_submit(job);
    mh_store_rows_end(&rows);
    free_job(job);  // waits for the thread
    assert_null(rows.store);
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, fixture_set_up, fixture_tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(pages_are_of_one_moment),
      TEST(a_single_page_keeps_nothing),
      TEST(a_failure_ends_them),
      TEST(rows_are_a_user_of_the_store),
      TEST(rows_are_left_while_a_page_is_read),
  };
  return cmocka_run_group_tests_name("store_rows", tests, NULL, NULL);
}
