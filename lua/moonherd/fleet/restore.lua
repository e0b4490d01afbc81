-- Puts one script back to what a snapshot says. Where the code is as it was, its settings alone are
-- changed back, which leaves code and files untouched; else the code is uploaded again.
--
-- Like the best tools of its kind it refuses what would harm: a script that somebody else has
-- changed since, unless it is forced; and one whose Durable Objects have been migrated since, at
-- all, as the API knows no way back; nor can code be taken from a script that had files alone.
local errors = require "moonherd.error"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local moonherd_try = require "moonherd.async".try
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local OLDEST_DATE = "2021-11-02" -- what the API takes for a script without a date

-- What an upload takes of the settings as they are read.
local SETTINGS = {
  "bindings", "compatibility_date", "compatibility_flags", "usage_model", "limits", "logpush",
  "tags", "tail_consumers", "observability", "placement", "cache_options",
  "streaming_tail_consumers",
}
local NONE = {
  tail_consumers = json.null, streaming_tail_consumers = json.null, cache_options = {},
}

-- Bindings of service-worker syntax whose value is a part of an upload that cannot be read.
local IS_PART = { wasm_module = true, text_blob = true, data_blob = true }

-- ---- what stands in the way ---------------------------------------------------------------------

local function refuse(script, reason, why, hint)
  errors.raise {
    kind = "usage", reason = reason, hint = hint, message = ("job:rollback: %s %s"):format(
      script, why),
  }
end

local function check_restorable(script, now, live)
  if now and now.migration_tag ~= live.details.migration_tag then
    refuse(script, "migrated", "has had a migration of Durable Objects since, which has no way "
      .. "back", "upload what it should be now")
  end
  if not now and not live.content then
    refuse(script, "gone", "is gone, and nothing but its settings was kept", "upload it anew")
  end
  local had_no_code = live.content and next(live.content.modules) == nil
  if had_no_code and (not now or now.etag) then
    refuse(script, "had_no_code", "had files alone: no upload takes its code away, or gives them "
      .. "back", "delete it and upload it anew")
  end
end

-- ---- bindings -----------------------------------------------------------------------------------

-- The bindings to send, and the names of those that may have another value now, or none: secrets,
-- and others.
local function bindings_of(kept, is_live, changed)
  local list, secrets, others = json.array {}, {}, {}
  for _, binding in ipairs(kept or {}) do
    local name = binding.name
    local is_hidden = types.is_secret(binding.type) or IS_PART[binding.type]
    if is_hidden and (not is_live[name] or not changed or changed[name]) then
      local lost = types.is_secret(binding.type) and secrets or others
      lost[#lost + 1] = name
    end
    if not is_hidden then
      list[#list + 1] = binding
    elseif is_live[name] then
      list[#list + 1] = { type = "inherit", name = name }
    end
  end
  return list, secrets, others
end

local function set_of(list)
  if not list then return nil end
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- ---- putting back -------------------------------------------------------------------------------

local function settings_of(live, list)
  local settings = {}
  for _, name in ipairs(SETTINGS) do settings[name] = live.settings[name] end
  settings.compatibility_date = settings.compatibility_date or OLDEST_DATE
  settings.bindings = list
  return settings
end

local function patch(script, live, list, present)
  local settings = settings_of(live, list)
  for name, none in pairs(NONE) do
    if settings[name] == nil and present[name] ~= nil then settings[name] = none end
  end
  settings.replace = true
  return script:patch_settings(settings).requests
end

local function upload(script, live, list)
  local spec, content = settings_of(live, list), live.content
  -- A secret that the job has added goes again.
  spec.keep_bindings = false
  spec.main_module, spec.body_part, spec.modules = content.main_module, content.body_part, {}
  for name, module in pairs(content.modules) do
    spec.modules[name] = { content = hash.unbase64(module.base64), type = module.type }
  end
  return script:upload(spec).requests
end

local function remove(script)
  local ok, err = moonherd_try(script.delete, script)
  if not ok and err.reason ~= "script_not_found" then error(err, 0) end
  return nil, 1
end

local function names_of(bindings)
  local names = {}
  for _, binding in ipairs(bindings or {}) do names[binding.name] = true end
  return names
end

-- What is left of it that could not be put back, or nil.
local function left_of(state, secrets, others, has_lost_files)
  local assets = state.assets or has_lost_files or false
  if #secrets == 0 and #others == 0 and not assets then return nil end
  return { secrets = secrets, assets = assets, bindings = others[1] and others or nil }
end

local function put_back(script, now, state)
  local live = state.live
  check_restorable(script, now, live)
  local present = now and script:settings() or {}
  local list, secrets, others = bindings_of(live.settings.bindings, names_of(present.bindings),
    set_of(state.secrets))
  local has_code_back = now and (not live.content or now.etag == live.details.etag)
  local requests = has_code_back and patch(script, live, list, present)
    or upload(script, live, list)
  local has_lost_files = not now and live.details.has_assets
  return left_of(state, secrets, others, has_lost_files), requests + (now and 1 or 0)
end

-- Whether a script is as it was at another time. The moment of its last change is not enough: of a
-- script that was deleted and made again under a clock that stands still it is the same.
local function is_as(now, before)
  return now.modified_on == before.modified_on and (not before.etag or now.etag == before.etag)
end

--- Checks that nobody else has changed a script since.
---@param script table  the handle
---@param now? table  its `script:details().script`; nil: it is not there
---@param state table  {live= {details=, settings=, content= or nil} or nil, secrets=, assets=}
---@param after? table  what the job has left: {modified_on=, etag=}, or {deleted= true}; nil:
---  nobody knows
---@error usage changed_since  when somebody else has changed or deleted it, or made it again
function M.check(script, now, state, after)
  local hint, is_deleted = "look at it, then use force = true", after and after.deleted
  if not now then
    if not state.live or is_deleted then return end
    refuse(script, "changed_since", "was deleted by somebody since", hint)
  elseif is_deleted then
    refuse(script, "changed_since", "was made again by somebody since", hint)
  elseif after and not is_as(now, after) then
    refuse(script, "changed_since", "was changed by somebody since", hint)
  end
end

--- Puts a script back.
---@async
---@param script table  the handle
---@param now? table  as for M.check
---@param state table  as for M.check
---@return table? left  {secrets={names}, assets=, bindings={names} or nil}: what could not be put
---  back
---@return integer requests
---@error usage migrated  when there is no way back; had_no_code: nor to a script of files alone;
---  gone: nor when its code was not kept
function M.run(script, now, state)
  if not state.live then
    if not now then return nil, 0 end
    return remove(script)
  end
  -- The job has not changed it after all.
  if now and is_as(now, state.live.details) then return nil, 0 end
  return put_back(script, now, state)
end

return M
