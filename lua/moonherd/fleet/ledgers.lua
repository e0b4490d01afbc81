-- Where the ledgers of jobs are, and how one is opened: what is wrong with it is said before the
-- job has sent anything. Beside every ledger lies its key: digests of items are keyed with it, so
-- that a ledger alone does not help to guess a secret.
local copies = require "moonherd.fleet.ledger_copies"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local host = require "moonherd._host"
local json = require "moonherd.json"
local key_file = require "moonherd._key_file"
local log = require "moonherd._log"
local moonherd_try = require "moonherd.async".try
local paths = require "moonherd._paths"
local store = require "moonherd.store.ledger"
local time = require "moonherd.time"

local M = {}

local DEFAULT_STATE = ".moonherd"
local DIRECTORY_MODE = tonumber("700", 8)
local LONGEST_NAME = 100
local UNKNOWN_ORIGIN = '{"arguments":[]}'

--- The files of one ledger: what is appended to its path.
M.SUFFIXES = { "", "-wal", "-shm", ".key" }

--- The folder of the ledgers that are given no place of their own.
---@return string path
function M.folder()
  return fs.join(host.options.state or DEFAULT_STATE, "jobs")
end

--- Checks the name of a job.
---@param name string
---@param who string  the public name of the function
---@return string name
function M.check_name(name, who)
  if #name > LONGEST_NAME or not name:find "^%w[%w._-]*$" then
    errors.usage("%s: bad name '%s' (letters, digits, '.', '_' and '-' are expected, at most %d)",
      who, name:sub(1, LONGEST_NAME), LONGEST_NAME)
  end
  return name
end

--- What is wrong with the path of a ledger, or nil.
---@param path string
---@return string? problem
function M.path_problem(path)
  return path:find("\0", 1, true) and "it has a zero byte" or nil
end

--- The path of a job's ledger.
---@param name string
---@param given? string  relative to the script's folder
---@return string path
function M.path(name, given)
  if given then return paths.resolve(given) end
  return fs.join(M.folder(), name .. ".db")
end

-- The state directory is nobody's to commit.
local function make_state_directory()
  fs.mkdir(M.folder(), DIRECTORY_MODE, true)
  local path = fs.join(fs.dirname(M.folder()), ".gitignore")
  if not fs.exists(path) then pcall(fs.write, path, "*\n", { exclusive = true }) end
end

-- Without the key that its digests were made with, all that is done counts as changed.
local function read_key(ledger)
  local path = ledger.path .. ".key"
  if not fs.exists(path) and ledger:find_job() then
    log.write("warn", ("%s is missing: what has a digest will be done again"):format(path))
  end
  return key_file.read(path)
end

-- What a later `moonherd jobs resume` needs to run the script again. Words that are hidden are
-- masked: then it cannot.
local function origin_text()
  local words, is_whole = {}, true
  for i, word in ipairs(arg or {}) do
    words[i] = log.mask(word)
    is_whole = is_whole and words[i] == word
  end
  local script = arg and arg[0]
  local path = script and moonherd_try(fs.realpath, script)
  local options, folder = host.options, fs.realpath "."
  return json.encode {
    script = path, arguments = json.array(words), is_whole = is_whole, folder = folder,
    target = options.target, account = options.account,
    state = fs.join(folder, options.state or DEFAULT_STATE),
  }
end

local HINTS = {
  corrupt = "put a copy of the file and of its .key back, or delete both: the job begins anew, and "
    .. "its snapshots are lost, so that nothing can be rolled back",
  newer = "use the newer moonherd, or another ledger",
  not_a_ledger = "it is left as it is; give the job another path",
  locked = "who has it open? another program may hold a transaction in it",
  read_only = "a job writes into its ledger before every item",
  disk_full = "make room: a job writes into its ledger before every item",
}

-- What SQLite says of a database of something else.
local function is_foreign(err)
  return err.reason == "constraint" and err.message:find "is_database_of_something_else"
    or err.reason == "sql" and err.message:find "no such table: job"
end

local function explained(err, path, who)
  if is_foreign(err) then err.reason, err.message = "not_a_ledger", "it is no ledger of a job" end
  err.message = ("%s: ledger '%s': %s"):format(who or "moonherd.job", path, err.message)
  err.hint = err.hint or HINTS[err.reason]
  return err
end

--- Makes of what is wrong with a ledger an error that names it; others stay as they are.
---@param err any
---@param path? string  of the ledger
---@return any err
function M.explain(err, path)
  local is_of_ledger = errors.is(err) and err.kind == "io" and path
    and (err.sqlite_code or err.path == path)
  return is_of_ledger and explained(err, path) or err
end

local function prepare(ledger, name)
  ledger.key = read_key(ledger)
  ledger.job = ledger:take_job(name, UNKNOWN_ORIGIN, time.wall())
end

local function open_files(name, path)
  local ledger = store.open(path)
  local ok, err = pcall(prepare, ledger, name)
  if ok then return ledger end
  ledger:close()
  return error(err, 0)
end

--- Opens a job's ledger, which is made when it is missing. In a dry run it is a copy.
---@async
---@param name string  of the job
---@param given? string  the path, as a script gives it
---@param client? table  the client that the job uses, when it is known: a dry one gets a copy
---@return table ledger  of store.ledger, with `key`
---@error usage ledger_of_another_job
---@error io disk_full  and corrupt, newer, read_only, locked, cannot_open
function M.open(name, given, client)
  local path, is_dry = M.path(name, given), copies.is_dry(client)
  if not given and not is_dry then make_state_directory() end
  local ledger, err = moonherd_try(open_files, name, is_dry and copies.of(path) or path)
  if not ledger then error(err.kind == "io" and explained(err, path) or err, 0) end
  if ledger.job.name == name then return ledger end
  ledger:close()
  return errors.raise {
    kind = "usage", reason = "ledger_of_another_job",
    hint = "give every job a ledger of its own",
    message = ("moonherd.job: ledger '%s' belongs to the job '%s', not to '%s'"):format(path,
      ledger.job.name, name),
  }
end

local function open_found(path)
  local ledger = store.open(path)
  local job, err = moonherd_try(ledger.find_job, ledger)
  if job then
    ledger.job = job
    return ledger
  end
  ledger:close()
  return error(err or errors.new {
    kind = "io", reason = "not_a_ledger", path = path, message = "it is no ledger of a job",
  }, 0)
end

--- Opens a ledger that must be there, whatever job it is of.
---@async
---@param path string
---@return table ledger
---@error io not_found
function M.open_existing(path)
  if not fs.exists(path) then
    errors.raise {
      kind = "io", reason = "not_found", path = path,
      message = ("there is no ledger '%s'"):format(path),
    }
  end
  local ledger, err = moonherd_try(open_found, path)
  if not ledger then error(err.kind == "io" and explained(err, path, "jobs") or err, 0) end
  return ledger
end

--- Keeps from where the job is run this time. To be called when the first item is known: by then
--- the secrets among the script's arguments are hidden.
---@async
---@param ledger table
function M.keep_origin(ledger)
  ledger:set_origin(origin_text())
end

--- The keyed digest of a text: of its own ledger only, telling nothing of the text.
---@async
---@param ledger table
---@param text string
---@return string digest  32 bytes
function M.digest(ledger, text)
  return hash.hmac_sha256(ledger.key, text)
end

return M
