-- The state directory: where the platform keeps its database, the key that seals secrets, and the
-- token of `moonherd serve`. Several processes may start on a new directory at once; whoever makes
-- a file first decides what it holds.

local fs = require "moonherd.fs"
local hash = require "moonherd.hash"

local M = {}

local DIRECTORY_MODE = tonumber("700", 8)
local FILE_MODE = tonumber("600", 8)
local KEY_SIZE = 32 -- bytes

-- The contents of a file, after making it of `bytes` if it is not there.
local function read_or_create(path, bytes)
  local is_made, failure = pcall(fs.write, path, bytes, { mode = FILE_MODE, exclusive = true })
  if not is_made and not (type(failure) == "table" and failure.reason == "exists") then
    error(failure, 0)
  end
  return fs.read(path)
end

local function read_key(path)
  local key = read_or_create(path, hash.random(KEY_SIZE))
  if #key ~= KEY_SIZE then
    error(("%s is damaged: %d bytes, not %d"):format(path, #key, KEY_SIZE), 0)
  end
  return key
end

--- Prepares a state directory; returns the database's path and the key that seals secrets.
function M.open(directory)
  fs.mkdir(directory, DIRECTORY_MODE, true)
  read_or_create(directory .. "/.gitignore", "*\n")
  return directory .. "/platform.db", read_key(directory .. "/platform.key")
end

--- The token that `moonherd serve` asks for, made once for a state directory.
function M.token(directory)
  local text = read_or_create(directory .. "/token", hash.hex(hash.random(KEY_SIZE)) .. "\n")
  return text:match "^%s*(.-)%s*$"
end

return M
