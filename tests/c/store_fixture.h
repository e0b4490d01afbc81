/* What the tests of the store share: a loop, a folder, and short ways to run lists. */
#ifndef STORE_FIXTURE_H
#define STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "io/store.h"

typedef struct fixture {
  mh_host host;
  char folder[64];
  char path[96]; /* of the database most tests use */
  mh_store_options options;
} fixture;

int fixture_set_up(void **state);
int fixture_tear_down(void **state); /* ends all stores and fails when anything is left open */
void fixture_init(fixture *f, const char *folder);
void fixture_end(fixture *f);

/* Opens a path with migrations (NULL-terminated; NULL: none). The job has the outcome. */
mh_store *acquire(fixture *f, const char *path);
mh_store_job *try_open(fixture *f, mh_store *store, const char *const *migrations);
/* The database of the fixture with a table t(k INTEGER PRIMARY KEY, v), or the test fails. */
mh_store *open_store(fixture *f);
/* Fails to open `path` for this reason. */
void assert_refused(fixture *f, const char *path, const char *const *migrations,
                    const char *reason);

mh_store_job *new_job(mh_store *store, mh_store_verb verb, size_t statements, size_t params);
void free_job(mh_store_job *job);

/* A job of statements without parameters, given as texts up to NULL. */
#define LIST(store, verb, ...) new_list(store, verb, (const char *const[]){__VA_ARGS__, NULL})
mh_store_job *new_list(mh_store *store, mh_store_verb verb, const char *const *texts);
/* Submits and steps the loop until it is done. */
mh_store_job *run(fixture *f, mh_store_job *job);
void await(fixture *f, const mh_store_job *job);
void step_until(fixture *f, bool (*is_true)(void *what), void *what);

void assert_done(mh_store_job *job); /* it went well; frees it */
void assert_failed(mh_store_job *job, const char *reason, size_t statement); /* frees it */
void write_done(fixture *f, mh_store *store, const char *sql);
int64_t read_integer(fixture *f, mh_store *store, const char *sql);

/* Another connection to the file, as another program would have it. */
sqlite3 *raw_open(const char *path);
void raw_exec(sqlite3 *db, const char *sql);
int64_t raw_integer(sqlite3 *db, const char *sql);

/* Waits for a child process; fails unless it ended with 0. */
void assert_child_well(int pid);

#endif
