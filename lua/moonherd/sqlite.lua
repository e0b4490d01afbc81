-- moonherd.sqlite: SQLite databases of a script's own, on the threads of the store: nothing here
-- keeps the loop waiting. Every call is a transaction by itself, but for those on what the function
-- of db:transaction is given.
local core = require "moonherd._task"
local errors = require "moonherd.error"
local options = require "moonherd._options"
local store = require "moonherd.store"

local M = {}

--- An open database: what moonherd.sqlite.open returns. Parameters of a statement are texts,
--- numbers, booleans (1 and 0), moonherd.null and blobs; in rows what is NULL is absent.
---@class database
---@field path string  of its file, in full
local Database = {}
Database.__index = Database
Database.__name = "moonherd.database"

function Database:__tostring()
  return ("%s (%s)"):format(Database.__name, self.path)
end

local read_options = options.reader("sqlite.open", {
  { "migrations", "list", default = {} },
  { "lock_timeout", "duration", default = 5 },
})

--- Opens a database file, and makes it when it is missing. Several processes may have it open.
---@async
---@param path string  the file
---@param opts? table
---@field opts.migrations? string[]  SQL texts: number i takes the file from version i-1 to i; those
--- it lacks are run, all in one transaction; default none
---@field opts.lock_timeout? duration  how long to wait for another process; default 5 s
---@return database db  `<close>` it, or call `:close()`
---@error io cannot_open  no such place, a folder, no permission
---@error io corrupt  it is no database, or damaged
---@error io newer  it was made with more migrations
---@error io sql  a migration is wrong
---@example
--- local db <close> = moonherd.sqlite.open("notes.db", {
---   migrations = { "CREATE TABLE note(id INTEGER PRIMARY KEY, text)" },
--- })
--- db:exec("INSERT INTO note(text) VALUES (?)", "hello")
--- print(db:first("SELECT text FROM note").text)     --> hello
function M.open(path, opts)
  if type(path) ~= "string" or path == "" then
    errors.usage("sqlite.open: bad path (string expected, got %s)",
      path == "" and "an empty one" or type(path))
  end
  local db = store.open(path, read_options(opts))
  return setmetatable({ path = db.path, _store = db }, Database)
end

--- Marks bytes to be stored as BLOB rather than TEXT. They come back as plain strings.
---@param bytes string
---@return blob blob  to be used as a parameter
---@error usage usage  when `bytes` is no text
---@example
--- local db <close> = moonherd.sqlite.open "files.db"
--- db:exec "CREATE TABLE IF NOT EXISTS file(name, bytes)"
--- db:exec("INSERT INTO file VALUES (?, ?)", "logo.png", moonherd.sqlite.blob "\0\1")
function M.blob(bytes)
  if type(bytes) ~= "string" then
    errors.usage("sqlite.blob: bad bytes (string expected, got %s)", type(bytes))
  end
  return store.blob(bytes)
end

-- A statement of the store; an argument that is nil is NULL.
local function statement(who, sql, ...)
  if type(sql) ~= "string" then
    errors.usage("%s: bad SQL (string expected, got %s)", who, type(sql))
  end
  local list = table.pack(sql, ...)
  for i = 2, list.n do list[i] = store.or_null(list[i]) end
  list.n = nil
  return list
end

-- A write beside the transaction would wait for its end, which waits for the write.
local function refuse_within(self, who)
  local tx = self._transaction
  if tx and tx._task == core.id() then
    errors.usage("%s: this task is in a transaction of the database: write with what its function "
      .. "is given, as in db:transaction(function (tx) tx:exec(…) end)", who)
  end
end

local function exec(on, who, sql, ...)
  local result = on:write { statement(who, sql, ...) }[1]
  return result.changes, result.rows
end

local function iterate(rows)
  local i = 0
  return function ()
    i = i + 1
    if rows[i] ~= nil then return rows[i], i end
  end
end

--- Runs one statement. It is on the disk when the call returns.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return integer changes  how many rows were inserted, updated or deleted
---@return table[] rows  what it returns, as RETURNING does
---@error io constraint  a row may not be so: UNIQUE, NOT NULL, CHECK, REFERENCES
---@error io sql  the statement is wrong
---@error io locked  another process has held the file for too long
---@example
--- local db <close> = moonherd.sqlite.open "jobs.db"
--- db:exec "CREATE TABLE IF NOT EXISTS job(name)"
--- print((db:exec("INSERT INTO job VALUES (?), (?)", "a", "b")))     --> 2
function Database:exec(sql, ...)
  refuse_within(self, "db:exec")
  return exec(self._store, "db:exec", sql, ...)
end

--- Runs several statements in order, all or none. A statement is a table: SQL, parameters, and
--- `expect`, how many rows it must change, when it must.
---@async
---@param statements table[]  as in { { "DELETE FROM job WHERE name = ?", "a", expect = 1 } }
---@return table[]? results  one for each; nil when one missed what it expects
---@field results[].changes integer  how many rows were inserted, updated or deleted
---@field results[].rows table[]  what it returns, by column name
---@return integer? missed  which one missed, counted from 1: nothing has been changed then
---@error io constraint, sql, locked  as for db:exec
---@example
--- local db <close> = moonherd.sqlite.open("bank.db", {
---   migrations = { "CREATE TABLE account(id INTEGER PRIMARY KEY, sum)" },
--- })
--- db:exec "INSERT OR REPLACE INTO account VALUES (1, 5), (2, 0)"
--- print(db:exec_all {
---   { "UPDATE account SET sum = sum - ? WHERE id = 1 AND sum >= ?", 10, 10, expect = 1 },
---   { "UPDATE account SET sum = sum + ? WHERE id = 2", 10 },
--- })     --> nil 1
function Database:exec_all(statements)
  refuse_within(self, "db:exec_all")
  return self._store:write(statements)
end

--- Iterates over the rows of a statement that changes nothing. They are read before the first turn,
--- all from one moment: what is written meanwhile is not among them.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return function next  gives a table by column name, and its number
---@error io sql  the statement is wrong, or would change something
---@example
--- local db <close> = moonherd.sqlite.open "rows.db"
--- for row in db:rows("SELECT ? AS name UNION ALL SELECT ?", "a", "b") do print(row.name) end
--- --> b
function Database:rows(sql, ...)
  return iterate(self._store:read { statement("db:rows", sql, ...) })
end

--- The first row of a statement that changes nothing.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return table? row  by column name; nil when there is none
---@error io sql  the statement is wrong, or would change something
---@example
--- local db <close> = moonherd.sqlite.open "first.db"
--- print(db:first("SELECT ? + ? AS sum", 1, 2).sum)     --> 3
function Database:first(sql, ...)
  return self._store:read_one(statement("db:first", sql, ...))
end

--- Bytes that are stored as BLOB: what moonherd.sqlite.blob returns.
---@class blob

--- A transaction that is open: what the function of db:transaction is given. Any task may use it
--- until that function returns.
---@class transaction
local Transaction = {}
Transaction.__index = Transaction
Transaction.__name = "moonherd.transaction"

-- A second call does nothing.
local function leave(tx)
  local db = tx._db
  if db._transaction == tx then db._transaction = nil end
  if tx._open then tx._open:leave() end
  tx._open = nil
end

Transaction.__close = leave

local function opened(tx, who)
  if tx._open then return tx._open end
  errors.usage("%s: the transaction is over", who)
end

local function commit(tx, ...)
  if not tx._open then
    errors.raise {
      kind = "io", reason = "rolled_back",
      message = "db:transaction: the database was closed, which rolled the transaction back",
    }
  end
  tx._open:commit()
  return ...
end

--- Calls `fn` in a transaction, which is committed when it returns and rolled back when it raises,
--- is cancelled or the database is closed meanwhile. It is exclusive from its start to its end: the
--- file is locked for as long as `fn` waits, other writes of this handle wait behind it, and other
--- processes as long as their `lock_timeout`. So keep `fn` short. Reads of `db` see what was before
--- it, those of `tx` what it has done. Transactions do not nest. Prefer db:exec_all where the
--- statements are known before.
---@async
---@param fn fun(tx: transaction): ...  all its changes go through `tx`
---@return any ...  what `fn` returns, once that is on the disk
---@error io locked  another process has held the file for too long
---@error io rolled_back  the database was closed meanwhile, or SQLite has given the transaction up
---@error io constraint  DEFERRED foreign keys are wrong at the end
---@error usage usage  when `fn` is no function, or the calling task is in a transaction of `db`
---@example
--- local db <close> = moonherd.sqlite.open("count.db", {
---   migrations = { "CREATE TABLE count(n); INSERT INTO count VALUES (41)" },
--- })
--- print(db:transaction(function (tx)
---   local n = tx:first("SELECT n FROM count").n + 1
---   tx:exec("UPDATE count SET n = ?", n)
---   return n
--- end))     --> 42
function Database:transaction(fn)
  if type(fn) ~= "function" then
    errors.usage("db:transaction: bad function (function expected, got %s)", type(fn))
  end
  refuse_within(self, "db:transaction")
  local tx <close> = setmetatable({ _db = self, _open = self._store:begin() }, Transaction)
  if self._is_closed then errors.usage "db:transaction: the database is closed" end
  self._transaction, tx._task = tx, core.id()
  return commit(tx, fn(tx))
end

--- As db:exec, in the transaction: it is on the disk when that is committed. When it fails it is
--- undone alone, and the transaction goes on unless the error is let through.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return integer changes  how many rows were inserted, updated or deleted
---@return table[] rows  what it returns, as RETURNING does
---@error io constraint, sql  as for db:exec
---@error io rolled_back  the transaction was given up: the disk is full, the database closed
---@error usage usage  the transaction is over
---@example
--- local db <close> = moonherd.sqlite.open "tx.db"
--- db:transaction(function (tx)
---   tx:exec "CREATE TABLE IF NOT EXISTS job(name)"
---   tx:exec("INSERT INTO job VALUES (?)", "a")
--- end)
function Transaction:exec(sql, ...)
  return exec(opened(self, "tx:exec"), "tx:exec", sql, ...)
end

--- As db:exec_all, in the transaction: all or none of these.
---@async
---@param statements table[]  as for db:exec_all
---@return table[]? results  one for each; nil when one missed what it expects
---@field results[].changes integer  how many rows were inserted, updated or deleted
---@field results[].rows table[]  what it returns, by column name
---@return integer? missed  which one missed, counted from 1: none of these has been run then
---@error io constraint, sql, rolled_back  as for tx:exec
---@example
--- local db <close> = moonherd.sqlite.open "tx.db"
--- db:transaction(function (tx)
---   tx:exec_all { { "CREATE TABLE IF NOT EXISTS a(x)" }, { "INSERT INTO a VALUES (?)", 1 } }
--- end)
function Transaction:exec_all(statements)
  return opened(self, "tx:exec_all"):write(statements)
end

--- As db:rows; sees what the transaction has done.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return function next  gives a table by column name, and its number
---@error io sql  the statement is wrong, or would change something
---@example
--- local db <close> = moonherd.sqlite.open "tx.db"
--- db:transaction(function (tx)
---   for row in tx:rows "SELECT 1 AS one" do print(row.one) end     --> 1
--- end)
function Transaction:rows(sql, ...)
  return iterate(opened(self, "tx:rows"):read { statement("tx:rows", sql, ...) })
end

--- As db:first; sees what the transaction has done.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return table? row  by column name; nil when there is none
---@error io sql  the statement is wrong, or would change something
---@example
--- local db <close> = moonherd.sqlite.open "tx.db"
--- print(db:transaction(function (tx) return tx:first("SELECT 7 AS n").n end))     --> 7
function Transaction:first(sql, ...)
  return (opened(self, "tx:first"):read { statement("tx:first", sql, ...) })[1]
end

--- Closes the database after the calls that are under way; a transaction that is open is rolled
--- back. A second call does nothing.
---@async
---@error cancelled cancelled  when the task is cancelled while it waits
---@example
--- local db = moonherd.sqlite.open "closed.db"
--- db:close()
function Database:close()
  self._is_closed = true
  if self._transaction then leave(self._transaction) end
  self._store:close()
end

Database.__close = Database.close

return M
