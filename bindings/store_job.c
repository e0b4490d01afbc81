/* Jobs of moonherd._store: lists of statements are turned into a job without copying their strings,
 * and what comes back into tables in one walk. See store_job.h. */
#include "bindings/store_job.h"

#include <lauxlib.h>
#include <limits.h>
#include <string.h>

static const char JOB[] = "moonherd.store.job";
static const char BLOB[] = "moonherd.store.blob";

/* ---- jobs ---------------------------------------------------------------------------------- */

void mh_db_leave(mh_db_transaction *open) {
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
  mh_db_leave(lua_touserdata(L, -1));
  lua_pop(L, 2);
}

static void on_abandoned(mh_store_job *job) {
  mh_realm *realm = job->user;
  if (!realm->is_ending && job->verb == MH_STORE_BEGIN) leave_unbegun(realm->L, job);
  if (!realm->is_ending) luaL_unref(realm->L, LUA_REGISTRYINDEX, job->ref);
  mh_store_job_fini(job);
}

mh_store_job *mh_db_new_job(lua_State *L, mh_store *store, mh_store_verb verb, size_t statements,
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

void mh_db_anchor(lua_State *L, mh_store_job *job) {
  lua_pushvalue(L, -1);
  job->ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

mh_store_job *mh_db_done(lua_State *L, lua_KContext op) {
  mh_store_job *job = (mh_store_job *)op;  // its first member
  luaL_unref(L, LUA_REGISTRYINDEX, job->ref);
  return job;
}

int mh_db_fail(lua_State *L, mh_store_job *job) {
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

int mh_db_size_hint(size_t n) {
  return n < INT_MAX ? (int)n : INT_MAX;
}

/* ---- what scripts hand in ------------------------------------------------------------------ */

/* Where a value was found, for messages. */
typedef struct place {
  const char *who;
  size_t statement; /* 1-based */
  bool is_write;
} place;

void mh_db_check_list(lua_State *L, const char *who) {
  if (!lua_istable(L, 2))
    mh_error_usage(L, "%s: bad argument (list of statements expected, got %s)", who,
                   luaL_typename(L, 2));
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

/* Of the value at the top: "moonherd.secret", say. */
static const char *name_of_type(lua_State *L) {
  if (luaL_getmetafield(L, -1, "__name") == LUA_TSTRING) return lua_tostring(L, -1);
  return luaL_typename(L, -1);
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
                 at->who, (int)number, (int)at->statement, name_of_type(L));
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
  if (is_expect) mh_error_usage(L, "%s: 'expect' is for statements that write", at->who);
  lua_pushvalue(L, -2);
  mh_error_usage(L,
                 "%s: statement %d has an unknown key '%s' (its only option is 'expect'; write "
                 "moonherd.null for a parameter that is NULL)",
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
    mh_error_usage(L, "%s: a parameter of statement %d is nil (write moonherd.null)", at->who,
                   (int)at->statement);
}

/* Reads the list at 2 and pushes the job for it (3) and the strings it holds (4, then popped). */
mh_store_job *mh_db_read_list(lua_State *L, mh_store *store, mh_store_verb verb, const char *who) {
  place at = {.who = who, .is_write = verb == MH_STORE_WRITE};
  size_t statements = lua_rawlen(L, 2);
  size_t params = count_params(L, who, statements);
  mh_store_job *job = mh_db_new_job(L, store, verb, statements, params);
  lua_createtable(L, mh_db_size_hint(statements + params), 0);
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

void mh_db_push_rows(lua_State *L, const mh_store_job *job, size_t i) {
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
  lua_createtable(L, mh_db_size_hint(statement->rows), 0);
  for (size_t row = 1; row <= statement->rows; row++) {
    push_row(L, &cursor, names, columns);
    lua_rawseti(L, -2, (lua_Integer)row);
  }
  lua_insert(L, names);
  lua_settop(L, names);
}

int mh_db_blob(lua_State *L) {
  if (lua_type(L, 1) != LUA_TSTRING)
    mh_error_usage(L, "store.blob: bad argument (string expected, got %s)", luaL_typename(L, 1));
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, BLOB);
  return 1;
}

void mh_db_open_jobs(lua_State *L) {
  luaL_newmetatable(L, BLOB);
  luaL_newmetatable(L, JOB);
  lua_pushcfunction(L, f_job_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 2);
}
