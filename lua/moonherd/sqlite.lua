-- moonherd.sqlite: SQLite databases of a script's own, on the threads of the store: nothing here
-- keeps the loop waiting. Every call is a transaction by itself, but for those on what the function
-- of db:transaction is given.
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local options = require "moonherd._options"
local statements = require "moonherd._sqlite_statements"
local store = require "moonherd.store"
local transactions = require "moonherd._sqlite_transaction"

local M = {}

--- An open database: what moonherd.sqlite.open returns. Parameters of a statement are texts,
--- numbers, booleans (1 and 0), moonherd.null and blobs, of a secret what its `:reveal()` gives.
--- SQLite has no NaN: it is stored as NULL. In rows what is NULL is absent, and a BLOB is text as
--- well.
---@class database
---@field path string  of its file, in full; or ":memory:"
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

--- Opens a database file, and makes it, but not its folder, when it is missing. Several processes
--- may have it open.
---@async
---@param path string  the file; ":memory:" makes a database of its own at each call, a temporary
--- file that is gone when it is closed
---@param opts? table
---@field opts.migrations? string[]  SQL texts: number i takes the file from version i-1 to i; those
--- it lacks are run, all in one transaction; default none
---@field opts.lock_timeout? duration  how long to wait for another process; default 5 s
---@return database db  `<close>` it, or call `:close()`
---@error io cannot_open  no such folder, it is one itself, no permission
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
  local given = read_options(opts)
  given.make_folders = false
  local is_temporary = path == ":memory:"
  local db = store.open(not is_temporary and path, given, "sqlite.open")
  return setmetatable({
    path = is_temporary and path or db.path, _store = db, _turn = transactions.turn_of(db.path),
    _rows = setmetatable({}, { __mode = "k" }), -- those that are being read
  }, Database)
end

--- Bytes that are stored as BLOB: what moonherd.sqlite.blob returns.
---@class blob

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

-- The store of an open database.
local function opened(self, who)
  if self._is_closed then errors.usage("%s: the database is closed", who) end
  return self._store
end

-- The store, for a write: as soon as no transaction is open.
local function writable(self, who)
  opened(self, who)
  transactions.await_turn(self._turn, who)
  return opened(self, who)
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
  return statements.exec(writable(self, "db:exec"), "db:exec", sql, ...)
end

--- Runs several statements in order, all or none. A statement is a table: SQL, parameters, and
--- `expect`, how many rows it must change, when it must.
---@async
---@param list table[]  as in { { "DELETE FROM job WHERE name = ?", "a", expect = 1 } }
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
function Database:exec_all(list)
  return writable(self, "db:exec_all"):write(list, "db:exec_all")
end

-- Gives the rows of one page after the other. What was not read is let go of when the loop is
-- left, or by the collector.
local function iterate(self, rows)
  local page, at, number = rows:page(), 0, 0
  return function ()
    at, number = at + 1, number + 1
    if page and at > #page then
      opened(self, "db:rows")
      page, at = rows:page(), 1
    end
    if page and page[at] then return page[at], number end
    page = nil
  end, nil, nil, rows
end

--- Iterates over the rows of a statement that changes nothing, in memory that does not grow with
--- their number. All are from the moment of the call: what is written meanwhile, by the loop itself
--- too, is not among them. They keep a read transaction, so that the log grows with what is written
--- until the last one is read, or the loop is left.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return function next  gives a table by column name, and its number; for a `for` loop
---@error io sql  the statement is wrong, or would change something
---@error usage usage  in the loop: the database has been closed
---@example
--- local db <close> = moonherd.sqlite.open "rows.db"
--- for row in db:rows("SELECT ? AS name UNION ALL SELECT ?", "a", "b") do print(row.name) end
--- --> b
function Database:rows(sql, ...)
  local rows = opened(self, "db:rows"):rows(statements.make("db:rows", sql, ...))
  self._rows[rows] = true
  return iterate(self, rows)
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
  return opened(self, "db:first"):read_one(statements.make("db:first", sql, ...), "db:first")
end

--- Calls `fn` in a transaction, which is committed when it returns and rolled back when it raises,
--- is cancelled or the database is closed meanwhile. It is a scope: tasks that `fn` spawns write
--- with `tx`, too, and have ended before the commit. It is exclusive from its start to its end: the
--- file is locked for as long as `fn` waits, other writes of this process wait behind it, and other
--- processes as long as their `lock_timeout`. So keep `fn` short, and let it not wait for a task
--- from outside that writes. Reads of `db` see what was before it, those of `tx` what it has done.
--- Transactions do not nest. Prefer db:exec_all where the statements are known before.
---@async
---@param fn fun(tx: transaction): ...  all its changes go through `tx`
---@return any ...  what `fn` returns, once that is on the disk
---@error io locked  another process has held the file for too long
---@error io rolled_back  the database was closed meanwhile, or SQLite has given the transaction up
---@error io constraint  DEFERRED foreign keys are wrong at the end
---@error usage deadlock  when the calling task is in a transaction of the file, or was begun in
--- one; db:exec and db:exec_all raise it, too
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
  opened(self, "db:transaction")
  return transactions.run(self, opened, fn)
end

--- Closes the database after the calls that are under way; a transaction that is open is rolled
--- back, and rows that are being read end with an error. A second call does nothing.
---@async
---@error cancelled cancelled  when the task is cancelled while it waits
---@example
--- local db = moonherd.sqlite.open "closed.db"
--- db:close()
function Database:close()
  self._is_closed = true
  local tx = self._turn.transaction
  if tx and tx._db == self then transactions.leave(tx) end
  for rows in pairs(self._rows) do rows:close() end
  self._store:close()
end

methods.guard(Database, "db")
Database.__close = Database.close

return M
