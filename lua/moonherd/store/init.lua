-- The store: SQLite on threads of its own, behind two verbs. Lists of statements go in, tables come
-- out, and no transaction is open across a wait, but for those of `db:begin`. All SQL of the
-- project lives in this folder.
--
-- A statement is a table: its SQL, then the values of its parameters. Strings are stored as TEXT,
-- store.blob(s) as BLOB, numbers as INTEGER or REAL, booleans as 1 and 0, store.null as NULL. Rows
-- come back as tables by column name, in which what is NULL is absent.
--
-- Functions that take `who` refuse wrong arguments under that name: what the script has called.
--
-- Errors have the kind `io`. Where one statement is to blame, `statement` is its number, or
-- `migration` that of a migration; `sqlite_code` is SQLite's extended result code.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local raw = require "moonherd._store"

local M = {}

--- NULL as the value of a parameter; the same as moonherd.null.
M.null = raw.null

local Store = { __name = "moonherd.store" }
Store.__index = Store

local read_options = options.reader("store.open", {
  { "migrations", "list", default = {} },
  { "readers", "integer", default = 2, least = 1 },
  { "lock_timeout", "duration", default = 5 },
  { "make_folders", "boolean", default = true },
})

-- What a function of the binding returned; an error object is raised.
local function checked(...)
  local first, err = ...
  if first == nil and errors.is(err) then error(err, 0) end
  return ...
end

--- Opens a database file, which is made with mode 0600 (its folders 0700) when it is missing. A
--- path that is open already is shared with its threads; any number of processes may have a file
--- open. Migration number i takes a file from version i-1 to i: a file that lacks some is brought
--- up to date in one transaction, one that was made with more of them is refused.
---@async
---@param path string|false  the file; false: a temporary one of its own, which goes with the store
---@param opts? table
---@field opts.migrations? string[]  SQL texts, each of any number of statements; default none
---@field opts.readers? integer  reader threads; default 2
---@field opts.lock_timeout? number|string  how long to wait for another process; default 5 seconds
---@field opts.make_folders? boolean  false: a missing folder is an error; default true
---@param who? string  default "store.open"
---@return table db  with the methods read, read_one, write, change and close
---@error io cannot_open  no such place, a folder, no permission
---@error io read_only  the file cannot be written
---@error io corrupt  it is not a database, or damaged
---@error io newer  it was made by a newer program
---@error io locked  another process has held it for too long
---@error io disk_full  there is no space for it
---@error io sql  a migration is wrong
---@example
--- local store = require "moonherd.store"
--- local db <close> = store.open("notes.db", {
---   migrations = { "CREATE TABLE note(id INTEGER PRIMARY KEY, text)" },
--- })
--- db:write { { "INSERT INTO note(text) VALUES (?)", "hello" } }
--- for _, row in ipairs(db:read { { "SELECT * FROM note" } }) do print(row.id, row.text) end
function M.open(path, opts, who)
  who = who or "store.open"
  if path ~= false and (type(path) ~= "string" or path == "" or path:find("\0", 1, true)) then
    errors.usage("%s: bad path (file name expected, got %s)", who,
      type(path) == "string" and ("%q"):format(path) or type(path))
  end
  local given = read_options(opts)
  local migrations = table.move(given.migrations, 1, #given.migrations, 1, {})
  local store = checked(raw.open(path or nil, migrations, given.readers, given.lock_timeout, who,
    given.make_folders))
  return setmetatable({ path = store:path(), _store = store }, Store)
end

--- Marks a string to be stored as BLOB rather than TEXT. BLOBs come back as plain strings.
---@param bytes string
---@return userdata blob  to be used as the value of a parameter
---@example
--- db:write { { "INSERT INTO file VALUES (?, ?)", "logo.png", store.blob(bytes) } }
function M.blob(bytes)
  return raw.blob(bytes)
end

--- A value as that of a parameter: NULL when it is absent.
---@param value any
---@return any value  store.null for nil
---@example
--- db:write { { "UPDATE account SET sum = ifnull(?, sum) WHERE id = ?", store.or_null(sum), 1 } }
function M.or_null(value)
  if value == nil then return M.null end
  return value
end

--- Runs a list of statements that change nothing, all on one snapshot, on a thread beside the
--- writer. What was written before is seen.
---@async
---@param list table[]  statements: {sql, value…}
---@return table[] ...  the rows of each statement: a list of tables by column name
---@error io locked  another process has held the file for too long
---@error io sql  a statement is wrong, or would change something
---@example
--- local users, count = db:read {
---   { "SELECT name FROM user WHERE age > ?", 30 },
---   { "SELECT count(*) AS n FROM user" },
--- }
function Store:read(list)
  return checked(self._store:read(list))
end

--- Runs one statement that changes nothing and returns its first row, or nil when there is none.
---@async
---@param statement table  {sql, value…}
---@param who? string  default "db:read_one"
---@return table? row
---@error io sql  the statement is wrong, or would change something
---@example
--- local row = db:read_one { "SELECT name FROM user WHERE id = ?", 7 }
function Store:read_one(statement, who)
  return checked(self._store:first({ statement }, who))[1]
end

--- Rows of one statement that are read page by page: what db:rows returns. Between two pages they
--- keep a connection, on which they see what was there at the first one.
local Rows = {}
Rows.__index = Rows

--- Runs one statement that changes nothing, however many rows it has.
---@async
---@param statement table  {sql, value…}
---@return table rows  with the methods page and close; it has to be closed unless it is read to its
--- end
---@error io sql  the statement is wrong, or would change something
---@example
--- local rows <close> = db:rows { "SELECT name FROM user" }
--- for page in rows.page, rows do for _, row in ipairs(page) do print(row.name) end end
function Store:rows(statement)
  local raw_rows, first = checked(self._store:rows { statement })
  return setmetatable({ _raw = raw_rows, _first = first }, Rows)
end

--- The next rows.
---@async
---@return table[]? page  nil when there are none left
---@error io io  they cannot be read
---@example
--- local rows <close> = db:rows { "SELECT name FROM user" }
--- local page = rows:page()
function Rows:page()
  local first = self._first
  self._first = nil
  if first then return first end
  return checked(self._raw:page())
end

--- Lets go of what was not read, and waits for nothing. A second call does nothing.
---@example
--- local rows = db:rows { "SELECT name FROM user" }
--- rows:close()
function Rows:close()
  self._first = nil
  self._raw:close()
end

Rows.__close = Rows.close

--- Runs a list of statements in order, all or none: one that fails, or misses its expectation,
--- undoes the list. Returns when the changes are safe on the disk. Lists of other tasks may share
--- the transaction, and are not touched by a failure of this one. A statement may have the field
--- `expect`: how many rows it must change (return, when it changes nothing).
---
--- Cancelling: a list that has not begun is never run; one that has is applied as a whole or not
--- at all.
---@async
---@param list table[]  statements: {sql, value…, expect=n}
---@param who? string  default "db:write"
---@return table[]? results  for each {changes=n, rows={…}}; nil when one missed `expect`
---@return integer? missed  its number in the list, then
---@error io constraint  a row may not be so: UNIQUE, NOT NULL, CHECK, REFERENCES
---@error io disk_full  there is no space for it
---@error io locked  another process has held the file for too long
---@error io sql  a statement is wrong
---@example
--- local results, missed = db:write {
---   { "UPDATE account SET sum = sum - ? WHERE id = ? AND sum >= ?", 10, 1, 10, expect = 1 },
---   { "UPDATE account SET sum = sum + ? WHERE id = ?", 10, 2, expect = 1 },
--- }
--- if not results then print(missed == 1 and "not enough money" or "no such account") end
function Store:write(list, who)
  return checked(self._store:write(list, who))
end

--- Runs a list of statements as `db:write` does, for those who need nothing of what they give.
---@async
---@param list table[]  statements: {sql, value…, expect=n}
---@return true? is_done  nil when one missed `expect`
---@return integer? missed  its number in the list, then
---@error io constraint, disk_full, locked, sql  as for `db:write`
---@example
--- db:change { { "DELETE FROM user WHERE age < ?", 18 } }
function Store:change(list)
  return checked(self._store:change(list))
end

-- An open transaction.
local Transaction = {}
Transaction.__index = Transaction

--- Begins a transaction. The file is locked until it is committed or left: all other writes wait.
---@async
---@return table tx  with the methods read, write, commit and leave; it has to be left
---@error io locked  another process has held the file for too long
---@example
--- local tx <close> = db:begin()
--- tx:write { { "INSERT INTO user(name) VALUES (?)", "a" } }
--- tx:commit()
function Store:begin()
  return setmetatable({ _raw = checked(self._store:begin()) }, Transaction)
end

--- As `db:read`, and sees what the transaction has written.
---@async
---@param list table[]  statements: {sql, value…}
---@param who? string  default "tx:read"
---@return table[] ...  the rows of each statement
---@error io sql  a statement is wrong, or would change something
---@error io rolled_back  the transaction has been left meanwhile, or SQLite has given it up
---@example
--- local tx <close> = db:begin()
--- for _, row in ipairs(tx:read { { "SELECT name FROM user" } }) do print(row.name) end
function Transaction:read(list, who)
  return checked(self._raw:read(list, who))
end

--- As `db:read_one`, and sees what the transaction has written.
---@async
---@param statement table  {sql, value…}
---@param who? string  default "tx:read_one"
---@return table? row
---@error io sql, rolled_back  as for `tx:read`
---@example
--- local tx <close> = db:begin()
--- local row = tx:read_one { "SELECT name FROM user WHERE id = ?", 7 }
function Transaction:read_one(statement, who)
  return checked(self._raw:first({ statement }, who))[1]
end

--- As `db:write`: a list that fails is undone, and the transaction goes on.
---@async
---@param list table[]  statements: {sql, value…, expect=n}
---@param who? string  default "tx:write"
---@return table[]? results  for each {changes=n, rows={…}}; nil when one missed `expect`
---@return integer? missed  its number in the list, then
---@error io constraint, disk_full, sql  as for `db:write`
---@error io rolled_back  the transaction has been left meanwhile, or SQLite has given it up
---@example
--- local tx <close> = db:begin()
--- tx:write { { "DELETE FROM user" } }
function Transaction:write(list, who)
  return checked(self._raw:write(list, who))
end

--- Commits. The transaction is over then, whatever comes of it.
---@async
---@error io rolled_back  it has been left meanwhile, or SQLite has given it up
---@error io constraint  a foreign key that is looked at now is wrong
---@error io disk_full  there is no space for it
---@example
--- local tx <close> = db:begin()
--- tx:commit()
function Transaction:commit()
  checked(self._raw:commit())
end

--- Rolls back what was not committed, and waits for nothing. A second call does nothing.
---@example
--- local tx = db:begin()
--- tx:leave()
function Transaction:leave()
  self._raw:leave()
end

Transaction.__close = Transaction.leave

--- Closes the store after the lists that were handed in, and waits for that. The file stays open
--- for others who opened the same path. A second call does nothing.
---@async
---@example
--- db:close()
function Store:close()
  self._store:close()
end

Store.__close = Store.close

function Store:__tostring()
  return ("%s (%s%s)"):format(Store.__name, self.path, self._store:path() and "" or ", closed")
end

return M
