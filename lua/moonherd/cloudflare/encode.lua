-- What a call sends as JSON. What JSON cannot hold is an error of the call that was given it.
local json = require "moonherd.json"

local M = {}

--- Writes a value as JSON.
---@param value any
---@param who string  the public name of the function
---@return string text
---@error usage bad_value  when JSON cannot hold it; the message names the field
function M.json(value, who)
  local ok, text = pcall(json.encode, value)
  if ok then return text end
  text.message = text.message:gsub("^json%.encode", who)
  error(text, 0)
end

return M
