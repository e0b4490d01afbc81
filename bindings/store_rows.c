/* Rows of moonherd._store that are read page by page: see io/store_rows.h. They are a userdata, which
 * each job that reads a page keeps alive. */
#include <lauxlib.h>

#include "bindings/store_job.h"
#include "io/store_rows.h"

static const char ROWS[] = "moonherd.store.rows";

static mh_store_rows *check_rows(lua_State *L) {
  return luaL_checkudata(L, 1, ROWS);
}

/* Pushes rows that have not begun. */
static mh_store_rows *push_new_rows(lua_State *L, mh_store *store) {
  mh_store_rows *rows = lua_newuserdatauv(L, sizeof *rows, 0);
  *rows = (mh_store_rows){0};
  luaL_setmetatable(L, ROWS);
  mh_store_rows_begin(rows, store);
  return rows;
}

/* The stack of mh_db_rows while it waits: the store, the list, then these. */
enum { FIRST_JOB = 3, FIRST_ROWS };

static int first_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) {
    mh_store_rows_end(lua_touserdata(L, FIRST_ROWS));
    return mh_db_fail(L, job);
  }
  lua_settop(L, FIRST_ROWS);
  mh_db_push_rows(L, job, 0);
  mh_store_job_fini(job);
  return 2;
}

/* store:rows({statement}) -> rows, first page | nil, err */
int mh_db_rows(lua_State *L, mh_store *store) {
  mh_db_check_list(L, "db:rows");
  mh_task_can_wait(L, "db:rows");
  lua_settop(L, 2);
  if (lua_rawlen(L, 2) != 1) mh_error_usage(L, "db:rows: one statement is expected");
  mh_store_job *job = mh_db_read_list(L, store, MH_STORE_PAGE, "db:rows");
  job->rows = push_new_rows(L, store);
  lua_getiuservalue(L, FIRST_JOB, 1);
  lua_pushvalue(L, FIRST_ROWS);
  lua_rawseti(L, -2, (lua_Integer)lua_rawlen(L, -2) + 1);
  lua_pushvalue(L, FIRST_JOB);
  mh_db_anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, first_done);
}

static int page_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = mh_db_done(L, op);
  if (job->reason != NULL) return mh_db_fail(L, job);
  mh_db_push_rows(L, job, 0);
  mh_store_job_fini(job);
  return 1;
}

/* rows:page() -> the next rows, nothing when there are none left | nil, err */
static int f_page(lua_State *L) {
  mh_store_rows *rows = check_rows(L);
  lua_settop(L, 1);
  if (rows->is_busy) mh_error_usage(L, "db:rows: another task waits for the next row");
  if (!rows->has_more) return 0;
  mh_task_can_wait(L, "db:rows");
  mh_store_job *job = mh_db_new_job(L, rows->store, MH_STORE_PAGE, 1, 0);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  job->rows = rows;
  mh_db_anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, page_done);
}

/* rows:close() lets go of them, and waits for nothing. Also __close and __gc. */
static int f_close(lua_State *L) {
  mh_store_rows_end(check_rows(L));
  return 0;
}

static const luaL_Reg methods[] = {{"page", f_page}, {"close", f_close}, {NULL, NULL}};
static const luaL_Reg events[] = {{"__gc", f_close}, {"__close", f_close}, {NULL, NULL}};

void mh_db_open_rows(lua_State *L) {
  luaL_newmetatable(L, ROWS);
  luaL_setfuncs(L, events, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
