-- Gives a script new bindings: those of a request, those it takes over, and their sealed secrets.

local assets_of = require "moonherd.platform.assets"
local binding_of = require "moonherd.platform.binding"
local bindings_of = require "moonherd.platform.bindings"
local secrets_of = require "moonherd.platform.secrets"

local M = {}

-- The sealed secrets of a resolution: new values, and those taken over.
local function seal_secrets(call, script, resolution)
  local key, sealed = call.platform.key, {}
  for name, value in pairs(resolution.values) do
    sealed[name] = secrets_of.seal(key, script.tag, name, value)
  end
  for name, old_name in pairs(resolution.carried) do
    local before = script.secrets[old_name]
    if before and name ~= old_name then
      before = secrets_of.rename(key, script.tag, before, old_name, name)
    end
    sealed[name] = before
  end
  return sealed
end

local function carried_parts(resolution)
  local parts = {}
  for _, binding in ipairs(resolution.list) do
    if binding_of.has_part(binding) and resolution.carried[binding.name] then
      parts[#parts + 1] = binding.part
    end
  end
  return parts
end

--- Replaces a script's bindings. `request` is as for `bindings.resolve`. Returns the resolution,
--- and the names of the parts that bindings which were taken over refer to.
function M.apply(call, script, request)
  local resolution = bindings_of.resolve(request, script.bindings, call)
  assets_of.check_bindings(resolution.list, script.assets)
  script.secrets = seal_secrets(call, script, resolution)
  script.bindings = resolution.list
  return resolution, carried_parts(resolution)
end

return M
