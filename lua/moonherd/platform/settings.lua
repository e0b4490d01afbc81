-- Handlers of a script's settings: out, and the patch of them.
--
-- A patch changes the fields it names, each as a whole; null puts one back to what it is when it
-- was never set. Only `bindings` may not be null: that would drop every secret unasked.

local exports_of = require "moonherd.platform.exports"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local metadata_of = require "moonherd.platform.metadata"
local migrations = require "moonherd.platform.migrations"
local publish = require "moonherd.platform.publish"
local rebind = require "moonherd.platform.rebind"
local script_state = require "moonherd.platform.script_state"
local settings_body = require "moonherd.platform.settings_body"
local shape = require "moonherd.platform.shape"
local tags_of = require "moonherd.platform.tags"

local M = {}

-- Nobody calls the Worker, so the service would have nothing to place it by.
local PLACEMENT_STATUS = "INSUFFICIENT_INVOCATIONS"

-- ---- out ----------------------------------------------------------------------------------------

-- The placement with what the service reports of a smart one.
local function shown_placement(placement)
  if placement.mode ~= "smart" then
    return placement
  end
  local shown = { status = PLACEMENT_STATUS }
  for field, value in pairs(placement) do
    shown[field] = value
  end
  return shown
end

-- The Settings object of a script's state.
local function to_json(script)
  local shown = {}
  for _, settings in ipairs { script.settings, script.version_settings } do
    for name, value in pairs(settings) do
      shown[name] = value
    end
  end
  shown.bindings = script.bindings
  shown.tags = script.tags
  shown.placement = shown_placement(shown.placement)
  shown.migrations = json.null -- can be written only; `migration_tag` says where they are
  shown.migration_tag = script.migration_tag
  shown.exports_reconciliation = exports_of.reconciliation(shown.exports)
  shown.exports = shown.exports and exports_of.live(shown.exports)
  return json.encode(shown)
end

--- GET settings
function M.get(call)
  return to_json(script_state.new(lookup.present_state(call), call))
end

-- ---- in -----------------------------------------------------------------------------------------

-- What a version consists of, beside its code and the values of secrets.
local function version_text(script)
  return script_state.text(script, "bindings") .. script_state.text(script, "version_settings")
end

-- Replaces the bindings if the patch has a list; whether it brings new values of secrets.
local function patch_bindings(call, patch, script)
  if shape.is_absent(patch.bindings) then
    return false
  end
  local resolution = rebind.apply(call, script, {
    list = patch.bindings,
    keep = {},
    strict = true,
    takes_references = true,
    keeps_code = true,
  })
  return next(resolution.values) ~= nil
end

-- Applies a patch to a script's state. What follows the script alone needs no new version.
local function apply(call, patch, script)
  if not metadata_of.names_settings(patch) then
    return nil
  end
  local before = version_text(script)
  local has_new_values = patch_bindings(call, patch, script)
  local has_new_tags = tags_of.replace(script, patch.tags, call)
  migrations.migrate(script, patch.migrations)
  script.settings, script.version_settings = metadata_of.patched(script, patch)
  local is_same = before == version_text(script)
  return {
    tags = has_new_tags,
    keeps_version = is_same and not has_new_values and shape.is_absent(patch.migrations),
  }
end

--- PATCH settings
function M.patch(call)
  local state = lookup.present_state(call)
  local patch = settings_body.read(call)
  return to_json(publish.change(call, lookup.present_state, state, function (script)
    return apply(call, patch, script)
  end))
end

return M
