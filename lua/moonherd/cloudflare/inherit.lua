-- moonherd.inherit: in `bindings`, stands for the value that is live now. Called with a default, it
-- makes a value that has one for a script's first deploy.
local errors = require "moonherd.error"
local options = require "moonherd._options"

--- In `bindings`: keep the value that is live. Called with a default, it has one for a script's
--- first deploy.
---@name moonherd.inherit
---@param opts? table
---@field opts.default string|table  a binding as in `bindings`: text is a plain_text binding
---@return table inherit  for `bindings`
---@example
--- local bindings = { API_KEY = moonherd.inherit, PLAN = moonherd.inherit { default = "free" } }
local Inherit = {}
Inherit.__name = "moonherd.inherit"

local read = options.reader("moonherd.inherit", { { "default", "string|table" } })

--- Keeps the live value of a binding, and has one for the first deploy.
---@param opts table
---@field opts.default string|table  a binding as in `bindings`: text is a plain_text binding
---@return table inherit
---@example
--- local bindings = { PLAN = moonherd.inherit { default = "free" } }
function Inherit.__call(_, opts)
  local default = read(opts).default
  if default == nil then errors.usage("moonherd.inherit: option 'default' is missing") end
  if getmetatable(default) == Inherit then
    errors.usage("moonherd.inherit: bad option 'default' (a default cannot be inherited)")
  end
  return setmetatable({ default = default }, Inherit)
end

function Inherit:__tostring()
  return self.default == nil and "moonherd.inherit" or "moonherd.inherit{default=…}"
end

return setmetatable({}, Inherit)
