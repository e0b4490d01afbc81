-- Transactions of moonherd.sqlite: who has the turn in a file, and what the function of
-- db:transaction is given. All handles of a file share its turn; tasks wait for it here and not in
-- the store, so that a virtual clock goes on and a cancelled wait ends at once.
local async = require "moonherd.async"
local core = require "moonherd._task"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local statements = require "moonherd._sqlite_statements"

local M = {}

-- path -> { transaction = the open one or nil, waiters = }
local files = setmetatable({}, { __mode = "v" })

--- The turn of a file, which its users share: they keep what this returns.
function M.turn_of(path)
  local turn = files[path] or { waiters = core.waitlist() }
  files[path] = turn
  return turn
end

-- Tasks that a transaction has begun end before it: one that waited for its end would wait for
-- ever.
local function refuse_within(tx, who)
  if not core.began_in(tx._task, tx._newest) then return end
  local is_same = tx._task == (core.id())
  errors.raise {
    kind = "usage", reason = "deadlock",
    message = ("%s: this task %s a transaction of the database, whose end it would wait for")
      :format(who, is_same and "is in" or "was begun in"),
    hint = "write with what its function is given, as in "
      .. "db:transaction(function (tx) tx:exec(…) end)",
  }
end

--- Waits until no transaction is open in the file.
---@async
function M.await_turn(turn, who)
  while turn.transaction do
    refuse_within(turn.transaction, who)
    turn.waiters:wait(who)
  end
end

--- A transaction that is open: what the function of db:transaction is given. Any task may use it
--- until that function returns.
---@class transaction
local Transaction = {}
Transaction.__index = Transaction
Transaction.__name = "moonherd.transaction"

--- Rolls back what was not committed; a second call does nothing.
function M.leave(tx)
  local turn = tx._turn
  if turn.transaction == tx then
    turn.transaction = nil
    turn.waiters:wake()
  end
  if tx._open then tx._open:leave() end
  tx._open = nil
end

Transaction.__close = M.leave

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

--- Runs `fn` in a transaction of a database; `store_of` gives its store, or raises when that is
--- closed.
---@async
function M.run(db, store_of, fn)
  M.await_turn(db._turn, "db:transaction")
  local id, newest = core.id()
  local tx <close> = setmetatable({ _db = db, _turn = db._turn, _task = id, _newest = newest },
    Transaction)
  db._turn.transaction = tx
  tx._open = store_of(db, "db:transaction"):begin()
  store_of(db, "db:transaction")
  return commit(tx, async.scope(fn, tx))
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
  return statements.exec(opened(self, "tx:exec"), "tx:exec", sql, ...)
end

--- As db:exec_all, in the transaction: all or none of these.
---@async
---@param list table[]  as for db:exec_all
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
function Transaction:exec_all(list)
  return opened(self, "tx:exec_all"):write(list, "tx:exec_all")
end

--- As db:rows; sees what the transaction has done. All rows are read before the first turn, so that
--- the loop may write.
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
  local rows = opened(self, "tx:rows"):read({ statements.make("tx:rows", sql, ...) }, "tx:rows")
  local i = 0
  return function ()
    i = i + 1
    if rows[i] ~= nil then return rows[i], i end
  end
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
  return opened(self, "tx:first"):read_one(statements.make("tx:first", sql, ...), "tx:first")
end

methods.guard(Transaction, "tx")

return M
