-- moonherd.sqlite: SQLite databases of a script's own, on the threads of the store: nothing here
-- keeps the loop waiting. Every call is a transaction by itself.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local store = require "moonherd.store"

local M = {}

--- An open database: what moonherd.sqlite.open returns. Parameters of a statement are texts,
--- numbers, booleans (1 and 0), moonherd.null and blobs; in rows what is NULL is absent.
---@class database
---@field path string  in full
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
---@field opts.lock_timeout? number|string  how long to wait for another process; default 5 s
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
---@return userdata blob  to be used as a parameter
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

--- Runs one statement. It is on the disk when the call returns.
---@async
---@param sql string  one statement, ? for each parameter
---@param ... any  the parameters
---@return integer changes  rows inserted, updated or deleted
---@return table[] rows  what it returns, as RETURNING does
---@error io constraint  a row may not be so: UNIQUE, NOT NULL, CHECK, REFERENCES
---@error io sql  the statement is wrong
---@error io locked  another process has held the file for too long
---@example
--- local db <close> = moonherd.sqlite.open "jobs.db"
--- db:exec "CREATE TABLE IF NOT EXISTS job(name)"
--- print((db:exec("INSERT INTO job VALUES (?), (?)", "a", "b")))     --> 2
function Database:exec(sql, ...)
  local result = self._store:write { statement("db:exec", sql, ...) }[1]
  return result.changes, result.rows
end

--- Runs several statements in order, all or none. A statement is a table: SQL, parameters, and
--- `expect`, how many rows it must change, when it must.
---@async
---@param statements table[]  as in { { "DELETE FROM job WHERE name = ?", "a", expect = 1 } }
---@return table[]? results  for each {changes=, rows=}; nil when one missed what it expects
---@return integer? missed  its number, then: nothing has been changed
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
  local rows, i = self._store:read { statement("db:rows", sql, ...) }, 0
  return function ()
    i = i + 1
    if rows[i] ~= nil then return rows[i], i end
  end
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

--- Closes the database after the calls that are under way. A second call does nothing.
---@async
---@example
--- local db = moonherd.sqlite.open "closed.db"
--- db:close()
function Database:close()
  self._store:close()
end

Database.__close = Database.close

return M
