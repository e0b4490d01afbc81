-- Where what is known of allowances is kept: one file for each user of the machine, which all
-- processes share, and beside it the key that names of allowances are made with. A credential is in
-- neither; without the key the names do not even help to test guesses of one.
--
-- A file that cannot be used stops nobody: it is said once, and the process goes on alone.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local key_file = require "moonherd._key_file"
local log = require "moonherd._log"
local memory = require "moonherd.cloudflare.budget_memory"
local store = require "moonherd.store.budget"
local task = require "moonherd._task"

local M = {}

local DIRECTORY_MODE <const> = 448 -- 0700

local keys = setmetatable({}, { __mode = "k" }) -- of books; out of what gets printed

local Book = {}
Book.__index = Book

--- Where the file is, unless told otherwise: the folder for what programs keep of a user.
---@return string? directory  nil when the environment names no home
function M.directory()
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state and state:sub(1, 1) == "/" then return state .. "/moonherd" end
  return home and home:sub(1, 1) == "/" and home .. "/.local/state/moonherd" or nil
end

local function open_file(directory)
  if not directory then
    errors.raise { kind = "io", reason = "not_found", message = "HOME is not set" }
  end
  fs.mkdir(directory, DIRECTORY_MODE, true)
  return key_file.read(directory .. "/budget.key"), store.open(directory .. "/budget.db")
end

-- Goes on without the file, which has just failed; others may have found that out before.
local function go_alone(book, err)
  local is_of_files = errors.is(err) and (err.kind == "io" or err.reason == "guarded")
  if not is_of_files or task.must_pass(err) then error(err, 0) end
  if book.is_alone then return end
  log.write("warn", ("the request budget is not shared with other processes: %s")
    :format(err.message))
  local file = book.store
  book.is_alone, book.store = true, memory.new()
  if file then pcall(file.close, file) end
end

--- Opens the book in a folder; does not fail.
---@async
---@param directory? string  made when it is missing; nil: there is none
---@return table book
function M.open(directory)
  local book = setmetatable({ process = hash.random(16) }, Book)
  local ok, key, file = pcall(open_file, directory)
  if ok then
    keys[book], book.store = key, file
  else
    go_alone(book, key)
    keys[book] = hash.random(key_file.SIZE)
  end
  return book
end

--- The name of an allowance in this book.
---@async
---@param text string  what it belongs to: a credential
---@return string name  32 bytes that tell nothing of the text
function Book:name_of(text)
  return hash.hmac_sha256(keys[self], text)
end

--- What is known of an allowance: see store.budget.
---@async
---@param name string
---@param now number
---@param span number  how far the log goes back, seconds
---@param since number  from when on its entries are summed up once more
---@return table row
function Book:read(name, now, span, since)
  local ok, row = pcall(self.store.read, self.store, name, self.process, now, span, since)
  if ok then return row end
  go_alone(self, row)
  return self:read(name, now, span, since)
end

--- Writes what was read and changed.
---@async
---@param row table
---@param now number
---@param span number
---@param answered integer  requests of this process whose answer has come
---@param slots table[]  new entries of the log
---@return boolean is_done  false: somebody was faster, read it again
function Book:write(row, now, span, answered, slots)
  local ok, is_done = pcall(self.store.write, self.store, row, self.process, now, span, answered,
    slots)
  if ok then return is_done end
  go_alone(self, is_done)
  return self.store:write(row, self.process, now, span, answered, slots)
end

--- Closes the file.
---@async
function Book:close()
  self.store:close()
end

return M
