-- Paths that scripts give: relative ones start at the script's folder, so that a script works from
-- wherever it is called.
local async = require "moonherd.async"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local host = require "moonherd._host"

local M = {}

--- The path to use for one that a script has given.
---@param path string
---@return string path
function M.resolve(path)
  local folder = host.options.script_dir
  if path:sub(1, 1) == "/" or not folder then return path end
  return fs.join(folder, path)
end

--- The path to use for one that the option `file` or `dir` has given, and that is there.
---@async
---@param path string
---@param option string  "file" or "dir"
---@param who string  the public name of the function
---@return string path
---@error io not_found  and the other reasons of moonherd.fs.stat
---@error usage usage  when `file` names a folder
function M.find(path, option, who)
  local found = M.resolve(path)
  local entry, err = async.try(fs.stat, found)
  if not entry then
    err.message = ("%s: bad option '%s': %s"):format(who, option, err.message)
    err.hint = err.reason == "not_found" and "relative paths start at the script's folder" or nil
    error(err, 0)
  elseif option == "file" and entry.type == "directory" then
    errors.usage("%s: bad option 'file' ('%s' is a folder; 'dir' takes one)", who, path)
  end
  return found
end

return M
