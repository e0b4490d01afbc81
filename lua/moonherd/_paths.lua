-- Paths that scripts give: relative ones start at the script's folder, so that a script works from
-- wherever it is called.
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

return M
