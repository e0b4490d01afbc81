-- A file of random bytes that keyed hashes are made with: made at the first use, for its owner's
-- eyes only. Without it, what was hashed does not even help to test guesses.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"

local M = {}

local MODE <const> = tonumber("600", 8)

--- The bytes in a key file, and of a new one.
M.SIZE = 32

--- Reads a key, which is made when it is missing. Of several processes that start at once, one
--- makes it.
---@async
---@param path string
---@return string key
---@error io corrupt  when it is damaged: with another key every hash would be another one
function M.read(path)
  if not fs.exists(path) then
    local bytes = hash.random(M.SIZE)
    local ok, err = pcall(fs.write, path, bytes, { mode = MODE, exclusive = true })
    if not ok and not (errors.is(err) and err.reason == "exists") then error(err, 0) end
  end
  local key = fs.read(path)
  if #key == M.SIZE then return key end
  return errors.raise {
    kind = "io", reason = "corrupt", path = path,
    message = ("%s is damaged: %d bytes, not %d"):format(path, #key, M.SIZE),
  }
end

return M
