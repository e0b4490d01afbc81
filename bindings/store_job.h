/* What the files of moonherd._store share: jobs as Lua has them. A job is a userdata whose user value
 * holds the strings that a thread reads. It stands in the registry until no thread needs it, even
 * when the task that waited for it is gone. */
#ifndef BINDINGS_STORE_JOB_H
#define BINDINGS_STORE_JOB_H

#include <lua.h>

#include "core/error.h"
#include "core/options.h"
#include "core/realm.h"
#include "core/task.h"
#include "io/store.h"

/* A transaction is a user of its store, like those who opened it. */
typedef struct mh_db_transaction {
  mh_store *store; /* NULL: it is over */
  uint64_t number;
} mh_db_transaction;

/* Rolls back what was not committed. Allowed at any time, and twice. */
void mh_db_leave(mh_db_transaction *open);

/* Makes the metatables of jobs and of blobs, and of rows with their methods. */
void mh_db_open_jobs(lua_State *L);
void mh_db_open_rows(lua_State *L);

/* Pushes a job. */
mh_store_job *mh_db_new_job(lua_State *L, mh_store *store, mh_store_verb verb, size_t statements,
                            size_t params);

/* Keeps the job at the top alive until it is done or abandoned. */
void mh_db_anchor(lua_State *L, mh_store_job *job);

/* The job of a continuation; it stays on the stack of the function that waited. */
mh_store_job *mh_db_done(lua_State *L, lua_KContext op);

/* Pushes nil and the error of a job that failed. */
int mh_db_fail(lua_State *L, mh_store_job *job);

int mh_db_size_hint(size_t n);

/* Reads the list of statements at 2, where the stack ends, and pushes the job for it. */
void mh_db_check_list(lua_State *L, const char *who);
mh_store_job *mh_db_read_list(lua_State *L, mh_store *store, mh_store_verb verb, const char *who);

/* Pushes the rows of a statement, from 0: a list of tables by column name. */
void mh_db_push_rows(lua_State *L, const mh_store_job *job, size_t statement);

/* blob(string): a parameter to be stored as BLOB */
int mh_db_blob(lua_State *L);

/* store:rows(statement): see store_rows.c */
int mh_db_rows(lua_State *L, mh_store *store);

#endif
