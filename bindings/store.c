/* moonherd._store: SQLite on threads of its own. lua/moonherd/store/init.lua makes the public
 * functions of it. Lists of statements are turned into a job without copying their strings, and what
 * comes back into tables in one walk.
 *
 * A job is a userdata whose user value holds the strings that a thread reads. It stands in the
 * registry until no thread needs it, even when the task that waited for it is gone. */
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <string.h>

#include "core/error.h"
#include "core/guarded.h"
#include "core/options.h"
#include "core/realm.h"
#include "core/task.h"
#include "io/store.h"

int luaopen_moonherd__store(lua_State *L);

static const char STORE[] = "moonherd.store";
static const char JOB[] = "moonherd.store.job";
static const char BLOB[] = "moonherd.store.blob";
static const char TRANSACTION[] = "moonherd.store.transaction";

/* A transaction is a user of its store, like those who opened it. */
typedef struct transaction {
  mh_store *store; /* NULL: it is over */
  uint64_t number;
} transaction;

/* ---- jobs ---------------------------------------------------------------------------------- */

/* Rolls back what was not committed. Allowed at any time, and twice. */
static void leave(transaction *open) {
  mh_store *store = open->store;
  open->store = NULL;
  if (store == NULL) return;
  mh_store_leave(store, open->number);
  mh_store_release(store, NULL);
}

/* The transaction that a begin was for is the user value of its job. */
static void leave_unbegun(lua_State *L, const mh_store_job *job) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, job->ref);
  lua_getiuservalue(L, -1, 1);
  leave(lua_touserdata(L, -1));
  lua_pop(L, 2);
}

static void on_abandoned(mh_store_job *job) {
  mh_realm *realm = job->user;
  if (!realm->is_ending && job->verb == MH_STORE_BEGIN) leave_unbegun(realm->L, job);
  if (!realm->is_ending) luaL_unref(realm->L, LUA_REGISTRYINDEX, job->ref);
  mh_store_job_fini(job);
}

/* Pushes a job. */
static mh_store_job *new_job(lua_State *L, mh_store *store, mh_store_verb verb, size_t statements,
                             size_t params) {
  size_t size = mh_store_job_size(statements, params);
  if (size == 0) luaL_error(L, "the list is too long");
  mh_store_job *job = lua_newuserdatauv(L, size, 1);
  mh_store_job_init(job, store, verb, statements, params);
  job->user = mh_realm_of(L);
  job->on_abandoned = on_abandoned;
  luaL_setmetatable(L, JOB);
  return job;
}

/* Keeps the job at the top alive until it is done or abandoned. */
static void anchor(lua_State *L, mh_store_job *job) {
  lua_pushvalue(L, -1);
  job->ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* The job of a continuation; it stays on the stack of the function that waited. */
static mh_store_job *done(lua_State *L, lua_KContext op) {
  mh_store_job *job = (mh_store_job *)op;  // its first member
  luaL_unref(L, LUA_REGISTRYINDEX, job->ref);
  return job;
}

static int fail(lua_State *L, mh_store_job *job) {
  const char *message = mh_store_job_message(job);
  const char *unit = job->verb == MH_STORE_OPEN ? "migration" : "statement";
  if (job->failed > 0 && job->count > 1)
    mh_error_fail(L, "io", job->reason, "%s (%s %d)", message, unit, (int)job->failed);
  else mh_error_fail(L, "io", job->reason, "%s", message);
  if (job->failed > 0) {
    lua_pushinteger(L, (lua_Integer)job->failed);
    lua_setfield(L, -2, unit);
  }
  if (job->code != 0) {
    lua_pushinteger(L, job->code);
    lua_setfield(L, -2, "sqlite_code");
  }
  mh_store_job_fini(job);
  return 2;
}

static int f_job_gc(lua_State *L) {
  mh_store_job_fini(lua_touserdata(L, 1));
  return 0;
}

static int size_hint(size_t n) {
  return n < INT_MAX ? (int)n : INT_MAX;
}

/* ---- what scripts hand in ------------------------------------------------------------------ */

/* Where a value was found, for messages. */
typedef struct place {
  const char *who;
  size_t statement; /* 1-based */
  bool is_write;
} place;

static void check_list(lua_State *L, int index, const char *who) {
  if (!lua_istable(L, index))
    mh_error_usage(L, "%s: bad argument (list of statements expected, got %s)", who,
                   luaL_typename(L, index));
}

/* Counts the parameters of all statements of the list at 2. */
static size_t count_params(lua_State *L, const char *who, size_t statements) {
  size_t params = 0;
  for (size_t i = 1; i <= statements; i++) {
    if (lua_rawgeti(L, 2, (lua_Integer)i) != LUA_TTABLE)
      mh_error_usage(L, "%s: bad statement %d (table {sql, parameters…} expected, got %s)", who,
                     (int)i, luaL_typename(L, -1));
    params += lua_rawlen(L, -1);
    lua_pop(L, 1);
  }
  return params;
}

/* The string at the top goes into the table of strings that the job holds, below the job at 3. */
static const char *hold(lua_State *L, size_t *n) {
  const char *bytes = lua_tolstring(L, -1, n);
  lua_pushvalue(L, -1);
  lua_rawseti(L, 4, (lua_Integer)lua_rawlen(L, 4) + 1);
  return bytes;
}

static bool read_blob(lua_State *L, mh_store_value *value) {
  if (luaL_testudata(L, -1, BLOB) == NULL) return false;
  value->type = MH_STORE_BLOB;
  lua_getiuservalue(L, -1, 1);
  value->bytes = hold(L, &value->n);
  lua_pop(L, 1);
  return true;
}

/* The value at the top as parameter number `number`. */
static void read_param(lua_State *L, const place *at, size_t number, mh_store_value *value) {
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      value->type = MH_STORE_TEXT;
      value->bytes = hold(L, &value->n);
      return;
    case LUA_TNUMBER:
      value->type = lua_isinteger(L, -1) ? MH_STORE_INTEGER : MH_STORE_REAL;
      if (value->type == MH_STORE_INTEGER) value->integer = lua_tointeger(L, -1);
      else value->real = lua_tonumber(L, -1);
      return;
    case LUA_TBOOLEAN:
      value->type = MH_STORE_INTEGER;
      value->integer = lua_toboolean(L, -1);
      return;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, -1) == NULL) return;  // moonherd.null; the value is zeroed: NULL
      break;
    case LUA_TUSERDATA:
      if (read_blob(L, value)) return;
      break;
    default: break;
  }
  mh_error_usage(L,
                 "%s: bad parameter %d of statement %d (string, number, boolean, blob or null "
                 "expected, got %s)",
                 at->who, (int)number, (int)at->statement, luaL_typename(L, -1));
}

static void read_expect(lua_State *L, const place *at, mh_store_statement *statement) {
  int is_integer;
  statement->expect = lua_tointegerx(L, -1, &is_integer);
  if (!is_integer || statement->expect < 0)
    mh_error_usage(L, "%s: bad 'expect' of statement %d (count expected, got %s)", at->who,
                   (int)at->statement, luaL_tolstring(L, -1, NULL));
}

static void read_sql(lua_State *L, const place *at, mh_store_statement *statement) {
  if (lua_type(L, -1) != LUA_TSTRING)
    mh_error_usage(L, "%s: bad statement %d (its first element must be SQL text, got %s)", at->who,
                   (int)at->statement, luaL_typename(L, -1));
  statement->sql = hold(L, &statement->sql_n);
}

/* A value of a statement under a key that is no place in it. */
static void read_option(lua_State *L, const place *at, mh_store_statement *statement) {
  bool is_expect = lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), "expect") == 0;
  if (is_expect && at->is_write) {
    read_expect(L, at, statement);
    return;
  }
  if (is_expect) mh_error_usage(L, "%s: 'expect' is for db:write", at->who);
  lua_pushvalue(L, -2);
  mh_error_usage(L,
                 "%s: statement %d has an unknown key '%s' (its only option is 'expect'; write "
                 "store.null for a parameter that is NULL)",
                 at->who, (int)at->statement, luaL_tolstring(L, -1, NULL));
}

/* Reads the statement at the top: one walk finds its places and refuses all other keys. */
static void read_statement(lua_State *L, const place *at, mh_store_statement *statement) {
  size_t n = lua_rawlen(L, -1), found = 0;
  statement->param_count = n > 0 ? n - 1 : 0;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    lua_Integer key = lua_isinteger(L, -2) ? lua_tointeger(L, -2) : 0;
    if (key == 1) read_sql(L, at, statement);
    else if (key > 1 && (size_t)key <= n)
      read_param(L, at, (size_t)key - 1, &statement->params[key - 2]);
    else read_option(L, at, statement);
    if (key > 0) found++;
    lua_pop(L, 1);
  }
  if (statement->sql == NULL)
    mh_error_usage(L, "%s: statement %d is empty", at->who, (int)at->statement);
  if (found != n)
    mh_error_usage(L, "%s: a parameter of statement %d is nil (write store.null)", at->who,
                   (int)at->statement);
}

/* Reads the list at 2 and pushes the job for it (3) and the strings it holds (4, then popped). */
static mh_store_job *read_list(lua_State *L, mh_store *store, mh_store_verb verb, const char *who) {
  place at = {.who = who, .is_write = verb == MH_STORE_WRITE};
  size_t statements = lua_rawlen(L, 2);
  size_t params = count_params(L, who, statements);
  mh_store_job *job = new_job(L, store, verb, statements, params);
  lua_createtable(L, size_hint(statements + params), 0);
  mh_store_value *next = statements > 0 ? job->statements[0].params : NULL;
  for (size_t i = 0; i < statements; i++) {
    at.statement = i + 1;
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    job->statements[i].params = next;
    read_statement(L, &at, &job->statements[i]);
    next += job->statements[i].param_count;
    lua_pop(L, 1);
  }
  lua_setiuservalue(L, 3, 1);
  return job;
}

/* ---- what comes back ----------------------------------------------------------------------- */

static void push_value(lua_State *L, const mh_store_value *value) {
  switch (value->type) {
    case MH_STORE_INTEGER: lua_pushinteger(L, value->integer); break;
    case MH_STORE_REAL: lua_pushnumber(L, value->real); break;
    case MH_STORE_TEXT:
    case MH_STORE_BLOB: lua_pushlstring(L, value->bytes, value->n); break;
    default: lua_pushnil(L); break;
  }
}

/* Pushes the next row; the names of its columns are on the stack from `names` on. */
static void push_row(lua_State *L, mh_store_cursor *cursor, int names, int columns) {
  mh_store_value value;
  lua_createtable(L, 0, columns);
  for (int i = 0; i < columns; i++) {
    mh_store_next(cursor, &value);
    if (value.type == MH_STORE_NULL) continue;
    lua_pushvalue(L, names + i);
    push_value(L, &value);
    lua_rawset(L, -3);
  }
}

static void push_rows(lua_State *L, const mh_store_job *job, size_t i) {
  const mh_store_statement *statement = &job->statements[i];
  int columns = (int)statement->columns;  // SQLite allows 32,767 at most
  int names = lua_gettop(L) + 1;
  mh_store_cursor cursor = mh_store_results(job, i);
  mh_store_value name;
  luaL_checkstack(L, columns + 8, "too many columns");
  for (int k = 0; k < columns; k++) {
    mh_store_next(&cursor, &name);
    push_value(L, &name);
  }
  lua_createtable(L, size_hint(statement->rows), 0);
  for (size_t row = 1; row <= statement->rows; row++) {
    push_row(L, &cursor, names, columns);
    lua_rawseti(L, -2, (lua_Integer)row);
  }
  lua_insert(L, names);
  lua_settop(L, names);
}

static int read_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = done(L, op);
  if (job->reason != NULL) return fail(L, job);
  luaL_checkstack(L, size_hint(job->count), "too many statements");
  for (size_t i = 0; i < job->count; i++) push_rows(L, job, i);
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
  mh_store_job *job = done(L, op);
  if (job->reason != NULL) return fail(L, job);
  if (job->missed > 0) return miss(L, job);
  lua_createtable(L, size_hint(job->count), 0);
  for (size_t i = 0; i < job->count; i++) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, job->statements[i].changes);
    lua_setfield(L, -2, "changes");
    push_rows(L, job, i);
    lua_setfield(L, -2, "rows");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  mh_store_job_fini(job);
  return 1;
}

static int change_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = done(L, op);
  if (job->reason != NULL) return fail(L, job);
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

/* Submits the list at 2, in a transaction unless its number is 0. */
static int submit_in(lua_State *L, transaction in, const char *who, mh_store_verb verb,
                     lua_KFunction k) {
  check_list(L, 2, who);
  mh_task_can_wait(L, who);
  lua_settop(L, 2);
  mh_store_job *job = read_list(L, in.store, verb, who);
  job->transaction = in.number;
  anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, k);
}

static int submit(lua_State *L, const char *who, mh_store_verb verb, lua_KFunction k) {
  return submit_in(L, (transaction){.store = check_store(L, who)}, who, verb, k);
}

/* store:read(list) -> rows of each statement | nil, err */
static int f_read(lua_State *L) {
  return submit(L, "db:read", MH_STORE_READ, read_done);
}

/* store:write(list) -> {{changes=, rows=}, …} | nil, number of the statement that missed | nil, err */
static int f_write(lua_State *L) {
  return submit(L, "db:write", MH_STORE_WRITE, write_done);
}

/* store:change(list) -> true | nil, number of the statement that missed | nil, err */
static int f_change(lua_State *L) {
  return submit(L, "db:change", MH_STORE_WRITE, change_done);
}

/* ---- transactions -------------------------------------------------------------------------- */

static transaction *check_transaction(lua_State *L, const char *who) {
  transaction *open = luaL_checkudata(L, 1, TRANSACTION);
  if (open->store == NULL) mh_error_usage(L, "%s: the transaction is over", who);
  return open;
}

static int begin_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = done(L, op);
  if (job->reason != NULL) {
    leave(lua_touserdata(L, 2));
    return fail(L, job);
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
  transaction *open = lua_newuserdatauv(L, sizeof *open, 0);
  *open = (transaction){NULL, 0};
  luaL_setmetatable(L, TRANSACTION);
  mh_store_job *job = new_job(L, store, MH_STORE_BEGIN, 0, 0);
  lua_pushvalue(L, 2);
  lua_setiuservalue(L, -2, 1);
  anchor(L, job);
  mh_store_keep(store);
  open->store = store;
  mh_store_submit(job);
  open->number = job->number;
  return mh_op_wait(L, &job->op, begin_done);
}

/* transaction:read(list), transaction:write(list): as those of a store */
static int f_transaction_read(lua_State *L) {
  return submit_in(L, *check_transaction(L, "tx:read"), "tx:read", MH_STORE_READ, read_done);
}

static int f_transaction_write(lua_State *L) {
  return submit_in(L, *check_transaction(L, "tx:write"), "tx:write", MH_STORE_WRITE, write_done);
}

/* transaction:commit() -> true | nil, err. It is over then, whatever came out. */
static int f_commit(lua_State *L) {
  transaction *open = check_transaction(L, "tx:commit");
  mh_task_can_wait(L, "tx:commit");
  mh_store_job *job = new_job(L, open->store, MH_STORE_COMMIT, 0, 0);
  job->transaction = open->number;
  anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, change_done);
}

/* transaction:leave() rolls back what was not committed. Waits for nothing; also its __gc. */
static int f_leave(lua_State *L) {
  leave(luaL_checkudata(L, 1, TRANSACTION));
  return 0;
}

/* ---- opening and closing ------------------------------------------------------------------- */

/* Hands the store back; the job that is pushed is done when its threads have ended, or at once when
 * others use it. */
static mh_store_job *release(lua_State *L, mh_store **box) {
  mh_store_job *job = new_job(L, *box, MH_STORE_CLOSE, 0, 0);
  anchor(L, job);
  mh_store_release(*box, job);
  *box = NULL;
  return job;
}

/* The stack of f_open while it waits: its arguments, then these. */
enum { OPEN_BOX = 5, OPEN_JOB };

static int refused_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  done(L, op);
  return fail(L, lua_touserdata(L, OPEN_JOB));
}

static int open_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  mh_store_job *job = done(L, op);
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

/* open(path, migrations, readers, lock_wait) -> store | nil, err. The list of migrations must not
 * change meanwhile: it is a copy of what the script gave. */
static int f_open(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  mh_store_options options = {
      .readers = (unsigned)luaL_checkinteger(L, 3),
      .lock_wait = mh_clock_after(0, luaL_checknumber(L, 4)),
      .guard = mh_guard_of(L),
  };
  mh_task_can_wait(L, "store.open");
  lua_settop(L, 4);
  mh_guard_check_file(L, "store.open", "open", path, true);
  mh_store **box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = NULL;
  luaL_setmetatable(L, STORE);
  mh_stores *stores = mh_stores_of(mh_realm_of(L)->host);
  if (stores == NULL || mh_store_acquire(stores, path, &options, box) != 0)
    return mh_error_fail(L, "io", "memory", "%s: no memory or no thread", path);
  mh_store_job *job = new_job(L, *box, MH_STORE_OPEN, lua_rawlen(L, 2), 0);
  read_migrations(L, job);
  anchor(L, job);
  mh_store_submit(job);
  return mh_op_wait(L, &job->op, open_done);
}

static int close_done(lua_State *L, int status, lua_KContext op) {
  (void)status;
  done(L, op);
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

/* blob(string): a parameter to be stored as BLOB */
static int f_blob(lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING)
    mh_error_usage(L, "store.blob: bad argument (string expected, got %s)", luaL_typename(L, 1));
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, BLOB);
  return 1;
}

static const luaL_Reg functions[] = {
    {"open", f_open},
    {"blob", f_blob},
    {NULL, NULL},
};

static const luaL_Reg methods[] = {
    {"read", f_read}, {"write", f_write}, {"change", f_change}, {"close", f_close},
    {"path", f_path}, {"begin", f_begin}, {NULL, NULL},
};

static const luaL_Reg transaction_methods[] = {{"read", f_transaction_read},
                                               {"write", f_transaction_write},
                                               {"commit", f_commit},
                                               {"leave", f_leave},
                                               {NULL, NULL}};

int luaopen_moonherd__store(lua_State *L) {
  luaL_newmetatable(L, BLOB);
  luaL_newmetatable(L, JOB);
  lua_pushcfunction(L, f_job_gc);
  lua_setfield(L, -2, "__gc");
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
