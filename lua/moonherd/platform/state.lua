-- The state directory: where the platform keeps its database, the key that seals secrets, and the
-- token of `moonherd serve`. Several processes may start on a new directory at once; whoever makes
-- a file first decides what it holds.

local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local log = require "moonherd._log"

local M = {}

local DIRECTORY_MODE = tonumber("700", 8)
local FILE_MODE = tonumber("600", 8)
local KEY_SIZE = 32 -- bytes
local OTHERS_MAY_WRITE = tonumber("002", 8)
local OTHERS_MAY_READ = tonumber("004", 8)

local function refuse(path, hint, why)
  errors.raise {
    kind = "io",
    reason = "permission",
    path = path,
    hint = hint,
    message = ("%s is not safe to use: %s"):format(path, why),
  }
end

-- Where others may write they can plant a key and a token of their own.
local function check_directory(path)
  if fs.stat(path).mode & OTHERS_MAY_WRITE ~= 0 then
    refuse(path, "chmod go-w " .. path, "every user of this machine may write there")
  end
end

local function check_private(path)
  local file = fs.stat(path, { follow = false })
  if file.type ~= "file" then
    refuse(path, "remove it", "it is a " .. file.type .. ", not a plain file")
  elseif file.mode & OTHERS_MAY_READ ~= 0 then
    refuse(path, "chmod 600 " .. path, "every user of this machine may read it")
  end
end

-- Says so when others may read a file that needs no more than a warning.
local function warn_if_readable(path)
  if fs.exists(path) and fs.stat(path).mode & OTHERS_MAY_READ ~= 0 then
    local message = "every user of this machine may read %s; chmod 600 %s"
    log.write("warn", message:format(path, path))
  end
end

-- The contents of a file, after making it of `bytes` if it is not there.
local function read_or_create(path, bytes)
  local is_made, failure = pcall(fs.write, path, bytes, { mode = FILE_MODE, exclusive = true })
  if not is_made and not (type(failure) == "table" and failure.reason == "exists") then
    error(failure, 0)
  end
  return fs.read(path)
end

-- The same for what nobody else may know.
local function read_secret(path, bytes)
  local text = read_or_create(path, bytes)
  check_private(path)
  return text
end

local function read_key(path)
  local key = read_secret(path, hash.random(KEY_SIZE))
  if #key ~= KEY_SIZE then
    error(("%s is damaged: %d bytes, not %d"):format(path, #key, KEY_SIZE), 0)
  end
  return key
end

--- Prepares a state directory; returns the database's path and the key that seals secrets.
function M.open(directory)
  fs.mkdir(directory, DIRECTORY_MODE, true)
  check_directory(directory)
  read_or_create(directory .. "/.gitignore", "*\n")
  local database = directory .. "/platform.db"
  warn_if_readable(database)
  return database, read_key(directory .. "/platform.key")
end

--- The token that `moonherd serve` asks for, made once for a state directory.
function M.token(directory)
  local text = read_secret(directory .. "/token", hash.hex(hash.random(KEY_SIZE)) .. "\n")
  return text:match "^%s*(.-)%s*$"
end

return M
