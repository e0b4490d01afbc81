-- The Script object, as GET script, the list and the upload show it. It is rendered when a script
-- is written and stored as text, so that reading thousands of them copies bytes.

local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"

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

local LIVE_STATES = { created = true, ["expecting-transfer"] = true }

-- Declared exports that have been deleted, renamed or given away are not shown.
local function live_exports(exports)
  local live = {}
  for name, export in pairs(exports) do
    if shape.is_absent(export.state) or LIVE_STATES[export.state] then
      live[name] = export
    end
  end
  return live
end

--- Makes the Script object of
---   script    name, tag, created_on, modified_on, tags, migration_tag, settings
---   version   settings, source, has_assets
---   code      etag, handlers, named_handlers, module_count; nil for a Worker of assets alone
function M.make(script, version, code)
  local object = {
    id = script.name,
    tag = script.tag,
    created_on = script.created_on,
    modified_on = script.modified_on,
    tags = json.array(script.tags),
    migration_tag = script.migration_tag,
    last_deployed_from = version.source,
    has_assets = version.has_assets,
    has_modules = code.kind == "module",
    etag = code.etag,
    handlers = json.array(code.handlers),
    named_handlers = json.array(code.named_handlers),
  }
  for _, name in ipairs(SHOWN) do
    local value = version.settings[name]
    if value == nil then
      value = script.settings[name]
    end
    object[name] = value
  end
  object.exports = version.settings.exports and live_exports(version.settings.exports)
  object.placement_mode = version.settings.placement.mode
  return object
end

return M
