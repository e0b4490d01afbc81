-- The Script object, as GET script, the list and the upload show it. It is rendered when a script
-- is written and stored as text, so that reading thousands of them copies bytes.

local exports_of = require "moonherd.platform.exports"
local json = require "moonherd.json"

local M = {}

local SHOWN = {
  "cache_options",
  "compatibility_date",
  "compatibility_flags",
  "logpush",
  "observability",
  "placement",
  "tail_consumers",
  "usage_model",
}

--- Makes the Script object of a script's state; see platform/script_state.lua.
function M.make(script)
  local code, settings = script.code or {}, script.version_settings
  local object = {
    id = script.name,
    tag = script.tag,
    created_on = script.created_on,
    modified_on = script.modified_on,
    tags = json.array(script.tags),
    migration_tag = script.migration_tag,
    last_deployed_from = script.source,
    has_assets = script.assets ~= nil,
    has_modules = code.kind == "module",
    etag = code.etag,
    handlers = json.array(code.handlers),
    named_handlers = json.array(code.named_handlers),
  }
  for _, name in ipairs(SHOWN) do
    local value = settings[name]
    if value == nil then
      value = script.settings[name]
    end
    object[name] = value
  end
  object.exports = settings.exports and exports_of.live(settings.exports)
  object.placement_mode = settings.placement.mode
  return object
end

return M
