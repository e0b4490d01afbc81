/* The table of embedded Lua sources: sorted, complete, byte for byte. */
#include "core/embedded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void is_sorted(void **state) {
  (void)state;
  assert_true(mh_embedded_count > 0);
  for (size_t i = 1; i < mh_embedded_count; i++)
    assert_true(strcmp(mh_embedded_modules[i - 1].name, mh_embedded_modules[i].name) < 0);
}

static void finds_every_module(void **state) {
  (void)state;
  for (size_t i = 0; i < mh_embedded_count; i++)
    assert_ptr_equal(mh_embedded_find(mh_embedded_modules[i].name), &mh_embedded_modules[i]);
}

static void finds_nothing_else(void **state) {
  (void)state;
  assert_null(mh_embedded_find(""));
  assert_null(mh_embedded_find("argpars"));
  assert_null(mh_embedded_find("zzz"));
}

static void holds_the_bytes_of_the_file(void **state) {
  (void)state;
  const struct mh_embedded *module = mh_embedded_find("argparse");
  assert_non_null(module);
  assert_non_null(strstr(module->bytes, "return argparse"));
  assert_int_equal(*module->end, 0);
  assert_int_equal(strlen(module->bytes), module->end - module->bytes);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(is_sorted),
      cmocka_unit_test(finds_every_module),
      cmocka_unit_test(finds_nothing_else),
      cmocka_unit_test(holds_the_bytes_of_the_file),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
