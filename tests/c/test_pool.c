/* The pool of small blocks: blocks keep their bytes while they change their size, and never overlap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/pool.h"

static mh_pool pool;

static int set_up(void **state) {
  (void)state;
  mh_pool_init(&pool);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  mh_pool_fini(&pool);
  return 0;
}

static void bytes_survive_within_a_class(void **state) {
  (void)state;
  char *p = mh_pool_realloc(&pool, NULL, 0, 17);
  memset(p, 'x', 17);
  p = mh_pool_realloc(&pool, p, 17, 32);
  assert_memory_equal(p, "xxxxxxxxxxxxxxxxx", 17);
  assert_null(mh_pool_realloc(&pool, p, 32, 0));
}

static void bytes_survive_growing_and_shrinking(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 16, 17, 500, 512, 513, 100000, 513, 512, 40, 1};
  size_t n = sizeof sizes / sizeof *sizes;
  unsigned char *p = mh_pool_realloc(&pool, NULL, 0, sizes[0]);
  p[0] = 0xab;
  for (size_t i = 1; i < n; i++) {
    size_t kept = sizes[i - 1] < sizes[i] ? sizes[i - 1] : sizes[i];
    p = mh_pool_realloc(&pool, p, sizes[i - 1], sizes[i]);
    assert_int_equal((uintptr_t)p % MH_POOL_GRAIN, 0);
    for (size_t k = 0; k < kept; k++) assert_int_equal(p[k], 0xab);
    memset(p, 0xab, sizes[i]);
  }
  assert_null(mh_pool_realloc(&pool, p, sizes[n - 1], 0));
}

/* Random sizes taken and given back in a random order, each block filled with its own byte. */
static void blocks_never_overlap(void **state) {
  (void)state;
  enum { BLOCKS = 256, STEPS = 20000 };
  static unsigned char *blocks[BLOCKS];
  static size_t sizes[BLOCKS];
  srand(1);
  for (int step = 0; step < STEPS; step++) {
    int i = rand() % BLOCKS;
    for (size_t k = 0; k < sizes[i]; k++) assert_int_equal(blocks[i][k], i);
    size_t size = (size_t)(rand() % 4 == 0 ? 0 : rand() % 700);
    blocks[i] = mh_pool_realloc(&pool, blocks[i], sizes[i], size);
    sizes[i] = size;
    if (size > 0) memset(blocks[i], i, size);
  }
  for (int i = 0; i < BLOCKS; i++) blocks[i] = mh_pool_realloc(&pool, blocks[i], sizes[i], 0);
}

static void nothing_is_freed_by_nothing(void **state) {
  (void)state;
  assert_null(mh_pool_realloc(&pool, NULL, 0, 0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(bytes_survive_within_a_class, set_up, tear_down),
      cmocka_unit_test_setup_teardown(bytes_survive_growing_and_shrinking, set_up, tear_down),
      cmocka_unit_test_setup_teardown(blocks_never_overlap, set_up, tear_down),
      cmocka_unit_test_setup_teardown(nothing_is_freed_by_nothing, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
