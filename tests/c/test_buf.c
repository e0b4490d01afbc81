/* Growable bytes, and the memory account under them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"
#include "moonherd.h"

static void appends_and_prints(void **state) {
  (void)state;
  mh_buf b;
  mh_buf_init(&b, NULL);
  assert_int_equal(0, mh_buf_puts(&b, "one "));
  assert_int_equal(0, mh_buf_printf(&b, "%d %s", 2, "three"));
  assert_int_equal(0, mh_buf_putc(&b, '!'));
  assert_int_equal(0, mh_buf_append(&b, NULL, 0));
  assert_string_equal("one 2 three!", mh_buf_cstr(&b));
  mh_buf_fini(&b);
}

static void takes_from_the_front_without_moving_bytes(void **state) {
  (void)state;
  mh_buf b;
  mh_buf_init(&b, NULL);
  for (int i = 0; i < 1000; i++) {
    assert_int_equal(0, mh_buf_puts(&b, "0123456789"));
    mh_buf_consume(&b, 9);
  }
  assert_int_equal(1000, b.len);
  assert_memory_equal("9", b.data + b.len - 1, 1);
  mh_buf_consume(&b, 5000);
  assert_int_equal(0, b.len);
  assert_int_equal(0, mh_buf_puts(&b, "again"));
  assert_memory_equal("again", b.data, 5);
  mh_buf_fini(&b);
}

static void moves(void **state) {
  (void)state;
  mh_buf a, b;
  mh_buf_init(&a, NULL);
  mh_buf_init(&b, NULL);
  mh_buf_puts(&a, "a");
  mh_buf_puts(&b, "b");
  mh_buf_move(&a, &b);
  assert_string_equal("b", mh_buf_cstr(&a));
  assert_int_equal(0, b.len);
  mh_buf_fini(&a);
  mh_buf_fini(&b);
}

static void counts_and_limits_memory(void **state) {
  (void)state;
  mh_mem mem = {.limit = 1000};
  mh_buf b;
  mh_buf_init(&b, &mem);
  assert_int_equal(0, mh_buf_reserve(&b, 600));
  assert_true(mem.used >= 600 && mem.used <= 1000);
  assert_int_equal(0, mh_buf_reserve(&b, 1000));  // exactly what is left
  assert_int_equal(MOONHERD_ENOMEM, mh_buf_reserve(&b, 1001));
  assert_int_equal(MOONHERD_ENOMEM, mh_buf_reserve(&b, SIZE_MAX));
  mh_buf_fini(&b);
  assert_int_equal(0, mem.used);
  assert_int_equal(1000, mem.peak);
}

static void fails_where_it_is_told_to(void **state) {
  (void)state;
  mh_mem mem = {.fail_at = 2};
  char *p = mh_mem_realloc(&mem, NULL, 0, 10);
  assert_non_null(p);
  assert_null(mh_mem_realloc(&mem, p, 10, 20));
  p = mh_mem_realloc(&mem, p, 10, 20);
  assert_non_null(p);
  assert_null(mh_mem_realloc(&mem, p, 20, 0));
  assert_int_equal(0, mem.used);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(appends_and_prints),
      cmocka_unit_test(takes_from_the_front_without_moving_bytes),
      cmocka_unit_test(moves),
      cmocka_unit_test(counts_and_limits_memory),
      cmocka_unit_test(fails_where_it_is_told_to),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
