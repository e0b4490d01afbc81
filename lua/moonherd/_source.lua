-- Script files as `moonherd run` takes them: text, with a byte order mark and a line for the shell
-- in front that are no Lua. For what runs a script from within.
local fs = require "moonherd.fs"

local M = {}

--- Reads and compiles a script.
---@async
---@param path string
---@param env? table  its globals; default those that all have
---@return function? chunk
---@return string? why  what is wrong with the code
---@error io not_found  and the other reasons of fs.read
function M.load(path, env)
  local text = fs.read(path):gsub("^\xEF\xBB\xBF", ""):gsub("^#[^\n]*", "")
  return load(text, "@" .. path, "t", env or _G)
end

return M
