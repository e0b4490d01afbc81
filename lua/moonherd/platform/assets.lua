-- Static assets of a version: the set of files that an upload session has made, and how they are
-- served. A script's state holds both in `assets`: the id of the set, and the configuration as JSON
-- text.

local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"
local tokens = require "moonherd.platform.asset_tokens"

local M = {}

local function or_empty(value)
  return shape.is_absent(value) and {} or value
end

-- The set that a completion token names, for the script it was made for.
local function find_set(call, script, token)
  local claims = tokens.read(call.platform.key, "completion", token, clock.wall())
  local set = claims and call.store:find_asset_set(claims.sid)
  if not set or set.namespace_id ~= script.namespace_id or set.script ~= script.name then
    errors.invalid("The assets completion token is not valid", "/assets/jwt")
  end
  return set.id
end

--- The assets of a new version of a script by the metadata of its upload; nil when it has none.
function M.resolve(call, metadata, script)
  local given, before = or_empty(metadata.assets), script.assets
  if not shape.is_absent(given.jwt) then
    return {
      set_id = find_set(call, script, given.jwt),
      config = json.encode(or_empty(given.config)),
    }
  elseif shape.is_absent(given.config) then
    return metadata.keep_assets == true and before or nil
  elseif not before then
    errors.invalid("The Worker has no assets to configure: `assets.jwt` is missing", "/assets/jwt")
  end
  return { set_id = before.set_id, config = json.encode(given.config) }
end

--- Whether an upload that brings no files is one of assets alone: it drops the code, where others
--- keep it.
function M.are_alone(metadata)
  return not shape.is_absent(or_empty(metadata.assets).jwt)
    and shape.is_absent(metadata.main_module)
    and shape.is_absent(metadata.body_part)
end

--- Refuses an `assets` binding of a version that has no assets.
function M.check_bindings(bindings, assets)
  for i, binding in ipairs(bindings) do
    if binding.type == "assets" and not assets then
      local pointer = ("/bindings/%d"):format(i - 1)
      errors.invalid("Cannot use an assets binding without assets", pointer)
    end
  end
end

return M
