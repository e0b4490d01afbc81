-- moonherd.read, moonherd.read_json, moonherd.write: files beside the script. Relative paths start
-- at the script's folder, so that a script works from wherever it is called.
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local paths = require "moonherd._paths"
local errors = require "moonherd.error"

local M = {}

local function resolve(who, path)
  if type(path) ~= "string" then
    errors.usage("%s: bad path (string expected, got %s)", who, type(path))
  end
  if path:find("\0", 1, true) then errors.usage("%s: bad path (it has a zero byte)", who) end
  return paths.resolve(path)
end

--- Reads a whole file.
---@async
---@param path string  relative to the script's folder
---@return string bytes
---@error io not_found  and the other reasons of moonherd.fs.read
---@example
--- local code = moonherd.read "workers/shop/index.mjs"
function M.read(path)
  return fs.read(resolve("moonherd.read", path))
end

--- Reads a JSON file.
---@async
---@param path string  relative to the script's folder
---@return any value  null is moonherd.null
---@error usage bad_json  with line and column
---@error io not_found  and the other reasons of moonherd.fs.read
---@example
--- for _, tenant in ipairs(moonherd.read_json "tenants.json") do print(tenant.id) end
function M.read_json(path)
  path = resolve("moonherd.read_json", path)
  local ok, value = pcall(json.decode, fs.read(path))
  if ok then return value end
  if errors.is(value) then value.message = path .. ": " .. value.message end
  error(value, 0)
end

--- Writes a whole file: it has the old content or the new, never a part.
---@async
---@param path string  relative to the script's folder
---@param bytes string
---@error io disk_full  and the other reasons of moonherd.fs.write
---@example
--- moonherd.write("report.txt", "60 deployed\n")
function M.write(path, bytes)
  return fs.write(resolve("moonherd.write", path), bytes)
end

return M
