/* moonherd._store: SQLite on threads of its own. lua/moonherd/store/init.lua makes the public
 * functions of it. Here: stores and transactions; jobs and rows have files of their own. */
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bindings/store_job.h"
#include "core/guarded.h"

int luaopen_moonherd__store(lua_State *L);

static const char STORE[] = "moonherd.store";
static const char TRANSACTION[] = "moonherd.store.transaction";

/* ---- what comes back ----------------------------------------------------------------------- */

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) return mh_db_fail(L, job);
  luaL_checkstack(L, mh_db_size_hint(job->count), "too many statements");
  for (size_t i = 0; i < job->count; i++) mh_db_push_rows(L, job, i);
  mh_store_job_fini(job);
  return (int)job->count;
}

static int miss(lua_State *L, const mh_store_job *job) {
  lua_pushnil(L);
  lua_pushinteger(L, (lua_Integer)job->missed);
  return 2;
}

static int write_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) return mh_db_fail(L, job);
  if (job->missed > 0) return miss(L, job);
  lua_createtable(L, mh_db_size_hint(job->count), 0);
  for (size_t i = 0; i < job->count; i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, job->statements[i].changes);
    lua_setfield(L, -2, "changes");
    mh_db_push_rows(L, job, i);
    lua_setfield(L, -2, "rows");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  mh_store_job_fini(job);
  return 1;
}

static int change_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) return mh_db_fail(L, job);
  if (job->missed > 0) return miss(L, job);
  mh_store_job_fini(job);
  lua_pushboolean(L, true);
  return 1;
}

/* ---- stores -------------------------------------------------------------------------------- */

static mh_store **check_box(lua_State *L) {
  return luaL_checkudata(L, 1, STORE);
}

static mh_store *check_store(lua_State *L, const char *who) {
  mh_store *store = *check_box(L);
  if (store == NULL) mh_error_usage(L, "%s: the store is closed", who);
  return store;
}

/* Submits the list at 2, in a transaction unless its number is 0. Of each statement `most` rows are
 * read, or all when it is 0. */
static int submit_in(lua_State *L, mh_db_transaction in, const char *who, mh_store_verb verb,
                     size_t most, lua_KFunction k) {
  mh_db_check_list(L, who);
  mh_task_can_wait(L, who);
  lua_settop(L, 2);
  mh_store_job *job = mh_db_read_list(L, in.store, verb, who);
  job->transaction = in.number;
  job->most_rows = most;
  mh_db_anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, k);
}

static int submit(lua_State *L, const char *who, mh_store_verb verb, size_t most, lua_KFunction k) {
  return submit_in(L, (mh_db_transaction){.store = check_store(L, who)}, who, verb, most, k);
}

/* The verbs take, behind the list, the public name to refuse wrong arguments under: a string that the
 * caller keeps. */

/* store:read(list, who) -> rows of each statement | nil, err */
static int f_read(lua_State *L) {
  return submit(L, luaL_optstring(L, 3, "db:read"), MH_STORE_READ, 0, read_done);
}

/* store:first(list, who) -> the first row of each statement, in a list of its own | nil, err */
static int f_first(lua_State *L) {
  return submit(L, luaL_optstring(L, 3, "db:read_one"), MH_STORE_READ, 1, read_done);
}

/* store:rows(list) -> rows, first page | nil, err */
static int f_rows(lua_State *L) {
  return mh_db_rows(L, check_store(L, "db:rows"));
}

/* store:write(list, who) -> {{changes=, rows=}, …} | nil, number of the statement that missed
 * | nil, err */
static int f_write(lua_State *L) {
  return submit(L, luaL_optstring(L, 3, "db:write"), MH_STORE_WRITE, 0, write_done);
}

/* store:change(list) -> true | nil, number of the statement that missed | nil, err */
static int f_change(lua_State *L) {
  return submit(L, "db:change", MH_STORE_WRITE, 0, change_done);
}

/* ---- transactions -------------------------------------------------------------------------- */

static mh_db_transaction *check_transaction(lua_State *L, const char *who) {
  mh_db_transaction *open = luaL_checkudata(L, 1, TRANSACTION);
  if (open->store == NULL) mh_error_usage(L, "%s: the transaction is over", who);
  return open;
}

static int begin_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) {
    mh_db_leave(lua_touserdata(L, 2));
    return mh_db_fail(L, job);
  }
  mh_store_job_fini(job);
  lua_settop(L, 2);
  return 1;
}

/* store:begin() -> transaction | nil, err */
static int f_begin(lua_State *L) {
  mh_store *store = check_store(L, "db:transaction");
  mh_task_can_wait(L, "db:transaction");
  lua_settop(L, 1);
  mh_db_transaction *open = lua_newuserdatauv(L, sizeof *open, 0);
  *open = (mh_db_transaction){NULL, 0};
  luaL_setmetatable(L, TRANSACTION);
  mh_store_job *job = mh_db_new_job(L, store, MH_STORE_BEGIN, 0, 0);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  mh_db_anchor(L, job);
  mh_store_keep(store);
  open->store = store;
  mh_store_submit(job);
  open->number = job->number;
  return mh_op_wait(L, &job->op, begin_done);
}

/* transaction:read(list, who), :first(list, who), :write(list, who): as those of a store */
static int f_transaction_read(lua_State *L) {
  const char *who = luaL_optstring(L, 3, "tx:read");
  return submit_in(L, *check_transaction(L, who), who, MH_STORE_READ, 0, read_done);
}

static int f_transaction_first(lua_State *L) {
  const char *who = luaL_optstring(L, 3, "tx:read_one");
  return submit_in(L, *check_transaction(L, who), who, MH_STORE_READ, 1, read_done);
}

static int f_transaction_write(lua_State *L) {
  const char *who = luaL_optstring(L, 3, "tx:write");
  return submit_in(L, *check_transaction(L, who), who, MH_STORE_WRITE, 0, write_done);
}

/* transaction:commit() -> true | nil, err. It is over then, whatever came out. */
static int f_commit(lua_State *L) {
  mh_db_transaction *open = check_transaction(L, "tx:commit");
  mh_task_can_wait(L, "tx:commit");
  mh_store_job *job = mh_db_new_job(L, open->store, MH_STORE_COMMIT, 0, 0);
  job->transaction = open->number;
  mh_db_anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, change_done);
}

/* transaction:leave() rolls back what was not committed. Waits for nothing; also its __gc. */
static int f_leave(lua_State *L) {
  mh_db_leave(luaL_checkudata(L, 1, TRANSACTION));
  return 0;
}

/* ---- opening and closing ------------------------------------------------------------------- */

/* Hands the store back; the job that is pushed is done when its threads have ended, or at once when
 * others use it. */
static mh_store_job *release(lua_State *L, mh_store **box) {
  mh_store_job *job = mh_db_new_job(L, *box, MH_STORE_CLOSE, 0, 0);
  mh_db_anchor(L, job);
  mh_store_release(*box, job);
  *box = NULL;
  return job;
}

/* The stack of f_open while it waits: its arguments, then these. */
enum { OPEN_BOX = 5, OPEN_JOB };

static int refused_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_db_done(L, op);
  return mh_db_fail(L, lua_touserdata(L, OPEN_JOB));
}

static int open_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  lua_settop(L, OPEN_JOB);
  if (job->reason != NULL)
    return mh_op_wait(L, &release(L, lua_touserdata(L, OPEN_BOX))->op, refused_done);
  lua_pushvalue(L, OPEN_BOX);
  return 1;
}

/* The migrations, a list of strings at 2, in the job at the top. */
static void read_migrations(lua_State *L, mh_store_job *job) {
  for (size_t i = 0; i < job->count; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    luaL_checktype(L, -1, LUA_TSTRING);
    job->statements[i].sql = lua_tolstring(L, -1, &job->statements[i].sql_n);
    lua_pop(L, 1);
  }
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
}

/* Puts the path of a new file in the handle's temporary folder, which is removed with the handle,
 * in place of the nil at 1. NULL: it cannot be made. */
static const char *make_temporary(lua_State *L) {
  mh_host *host = mh_realm_of(L)->host;
  const char *folder = host->scratch_dir(host);
  if (folder == NULL) return NULL;
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/memory-XXXXXX", folder);
  int fd = n > 0 && (size_t)n < sizeof path ? mkstemp(path) : -1;
  if (fd < 0) return NULL;
  close(fd);
  lua_pushstring(L, path);
  lua_replace(L, 1);
  return lua_tostring(L, 1);
}

/* open(path | nil, migrations, readers, lock_wait, who, makes_folders) -> store | nil, err. Without a
 * path it is a temporary file of its own. The list of migrations must not change meanwhile: it is a
 * copy of what the script gave. */
static int f_open(lua_State *L) {
  bool is_temporary = lua_isnil(L, 1);
  if (!is_temporary) luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  mh_store_options options = {
      .readers = (unsigned)luaL_checkinteger(L, 3),
      .lock_wait = mh_clock_after(0, luaL_checknumber(L, 4)),
      .makes_folders = lua_toboolean(L, 6),
      .is_temporary = is_temporary,
      .guard = is_temporary ? NULL : mh_guard_of(L),
  };
  const char *who = luaL_checkstring(L, 5);
  mh_task_can_wait(L, who);
  lua_settop(L, 4);
  const char *path = is_temporary ? make_temporary(L) : lua_tostring(L, 1);
  if (path == NULL) return mh_error_fail(L, "io", "cannot_open", "%s: no temporary folder", who);
  if (!is_temporary) mh_guard_check_file(L, who, "open", path, true);
  mh_store **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, STORE);
  mh_stores *stores = mh_stores_of(mh_realm_of(L)->host);
  if (stores == NULL || mh_store_acquire(stores, path, &options, box) != 0)
    return mh_error_fail(L, "io", "memory", "%s: no memory or no thread", path);
  mh_store_job *job = mh_db_new_job(L, *box, MH_STORE_OPEN, lua_rawlen(L, 2), 0);
  read_migrations(L, job);
  mh_db_anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, open_done);
}

static int close_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_db_done(L, op);
  return 0;
}

/* store:close() waits until the last list is answered, unless another user of the file remains. */
static int f_close(lua_State *L) {
  mh_store **box = check_box(L);
  if (*box == NULL) return 0;
  mh_task_can_wait(L, "db:close");
  return mh_op_wait(L, &release(L, box)->op, close_done);
}

static int f_gc(lua_State *L) {
  mh_store **box = lua_touserdata(L, 1);
  if (*box != NULL) mh_store_release(*box, NULL);
  *box = NULL;
  return 0;
}

/* store:path() -> its absolute path, or nil when it is closed */
static int f_path(lua_State *L) {
  mh_store **box = check_box(L);
  if (*box == NULL) return 0;
  lua_pushstring(L, mh_store_path(*box));
  return 1;
}

static const luaL_Reg functions[] = {
    {"open", f_open},
    {"blob", mh_db_blob},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"read", f_read},   {"first", f_first},   {"rows", f_rows},
    {"write", f_write}, {"change", f_change}, {"close", f_close},
    {"path", f_path},   {"begin", f_begin},   {NULL, NULL},
};

static const luaL_Reg transaction_methods[] = {{"read", f_transaction_read},
                                               {"first", f_transaction_first},
                                               {"write", f_transaction_write},
                                               {"commit", f_commit},
                                               {"leave", f_leave},
                                               {NULL, NULL}};

int luaopen_moonherd__store(lua_State *L) {
  mh_db_open_jobs(L);
  mh_db_open_rows(L);
  luaL_newmetatable(L, TRANSACTION);
  lua_pushcfunction(L, f_leave);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, transaction_methods);
  lua_setfield(L, -2, "__index");
  luaL_newmetatable(L, STORE);
  lua_pushcfunction(L, f_gc);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  luaL_newlib(L, functions);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
