-- Checks names before they become path segments. What a name may be is the API's to say; refused
-- here is only what no URL can carry: nothing, and the two names that URLs resolve away.
local errors = require "moonherd.error"

local M = {}

--- Checks a name and returns it.
---@param name any
---@param who string  the public name of the function
---@param what string  "a namespace"
---@return string name
function M.check(name, who, what)
  if type(name) ~= "string" then
    errors.usage("%s: the name of %s is expected, got %s", who, what, type(name))
  end
  if name == "" or name == "." or name == ".." then
    errors.usage("%s: '%s' cannot be the name of %s", who, name, what)
  end
  return name
end

return M
