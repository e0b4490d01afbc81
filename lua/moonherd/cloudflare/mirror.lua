-- Copies what is live to the scratch platform of a dry run: namespaces, and scripts with their
-- code, settings, tags and bindings. What cannot be read has a stand-in there: a placeholder for
-- the value of a secret, no files at all for static assets.
--
-- `scratch` is that of dry_run.lua; `client` reads the target. Each thing is copied once, before
-- the first write to it: what a dry run deletes stays deleted.
local async = require "moonherd.async"
local content = require "moonherd.cloudflare.content"
local endpoints = require "moonherd.cloudflare.endpoints"
local form = require "moonherd.cloudflare.form"
local json = require "moonherd.json"
local listing = require "moonherd.cloudflare.listing"
local log = require "moonherd._log"
local script_handles = require "moonherd.cloudflare.script"
local settings_of = require "moonherd.cloudflare.settings"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local AT_ONCE = 16
local PLACEHOLDER = "a placeholder"
local STUB = { { name = "stub.mjs", content = "export default {}",
  content_type = "application/javascript+module" } }

-- Settings that an upload takes as reads give them. Not migrations and exports: they are steps.
local COPIED = { "compatibility_date", "compatibility_flags", "usage_model", "limits", "logpush",
  "tags", "tail_consumers", "observability", "cache_options", "streaming_tail_consumers",
  "annotations" }

local ABSENT = { script_not_found = true, namespace_not_found = true }

-- What a read gives, or nil when there is no such thing.
local function find(read, ...)
  local value, err = async.try(read, ...)
  if not value and not ABSENT[err.reason] then error(err, 0) end
  return value
end

-- ---- namespaces --------------------------------------------------------------------------------

local function copy_namespace(scratch, client, segment)
  local details = find(transport.call, client, endpoints.get_namespace, nil, nil, segment)
  if not details then return end
  transport.call(scratch.client, endpoints.create_namespace, nil,
    json.encode { name = details.namespace_name })
  if details.trusted_workers then
    transport.call(scratch.client, endpoints.patch_namespace, nil,
      json.encode { trusted_workers = true }, segment)
  end
end

--- Copies a namespace, if it is there; not what is in it.
---@async
---@param scratch table
---@param client table
---@param segment string  its name, encoded
function M.namespace(scratch, client, segment)
  local key = "namespace " .. scratch:live_name(segment)
  scratch:once(key, copy_namespace, client, segment)
end

-- ---- what a script consists of -----------------------------------------------------------------

local function secret_key(binding)
  binding.format = binding.format or "raw"
  if binding.format == "jwk" then
    binding.key_jwk = { kty = "oct", k = "cGxhY2Vob2xkZXI" }
  else
    binding.key_base64 = "cGxhY2Vob2xkZXI="
  end
end

local function copy_binding(binding)
  local copy = {}
  for field, value in pairs(binding) do copy[field] = value end
  if copy.type == "secret_text" then copy.text = PLACEHOLDER end
  if copy.type == "secret_key" then secret_key(copy) end
  if copy.type == "durable_object_namespace" and not copy.script_name then
    copy.namespace_id = nil -- the copy gets one of its own
  end
  return copy
end

local function copy_bindings(list)
  local copies = json.array {}
  for i, binding in ipairs(list or {}) do copies[i] = copy_binding(binding) end
  return copies
end

-- The migration that gives the copy the classes its bindings name.
local function migration_of(bindings, tag)
  local classes = json.array {}
  for _, binding in ipairs(bindings) do
    if binding.type == "durable_object_namespace" and not binding.script_name then
      classes[#classes + 1] = binding.class_name
    end
  end
  if not tag and #classes == 0 then return nil end
  return { new_tag = tag or "live", new_sqlite_classes = classes }
end

local function code_of(script, fields)
  local live = content.get(script)
  fields.main_module, fields.body_part = live.main_module, live.body_part
  local modules = {}
  for name, module in pairs(live.modules) do
    modules[#modules + 1] = { name = name, content = module.content, content_type = module.type }
  end
  return modules
end

-- A session without files is complete as soon as it is opened.
local function assets_of(scratch, script)
  local session = transport.call(scratch.client, endpoints.create_assets_session, nil,
    '{"manifest":{}}', script._namespace, script._segment)
  return { jwt = log.hide(session.jwt) }
end

local function fields_of(settings, details)
  local fields = { bindings = copy_bindings(settings.bindings) }
  for _, name in ipairs(COPIED) do fields[name] = settings[name] end
  fields.tags = json.array(fields.tags or details.tags or {})
  fields.migrations = migration_of(fields.bindings, details.migration_tag)
  return fields
end

-- ---- scripts -----------------------------------------------------------------------------------

local function put(scratch, namespace, segment, fields, modules, tag)
  local result = transport.call(scratch.client, endpoints.put_script, nil,
    form.of_code(json.encode(fields), modules), namespace, segment)
  if tag and type(result) == "table" and result.tag then scratch.ids[result.tag] = tag end
end

-- What the scratch platform does not take as it is: the secrets and the tags of it.
local function put_reduced(scratch, script, fields, tag, err)
  log.write("warn", ("dry run: %s is copied without its code and settings: %s"):format(script,
    err.message))
  local secrets = json.array {}
  for _, binding in ipairs(fields.bindings) do
    if binding.type == "secret_text" then secrets[#secrets + 1] = binding end
  end
  put(scratch, script._namespace, script._segment, {
    main_module = STUB[1].name, bindings = secrets, tags = fields.tags,
    compatibility_date = fields.compatibility_date,
  }, STUB, tag)
end

-- The code; none when the script has assets alone.
local function code_of_live(script, fields, details)
  if details.has_modules or not details.has_assets then return code_of(script, fields) end
  return async.try(code_of, script, fields) or {}
end

local function copy_all(scratch, script, details)
  local fields = fields_of(settings_of.get(script), details)
  local modules = code_of_live(script, fields, details)
  if details.has_assets then fields.assets = assets_of(scratch, script) end
  local _, err = async.try(put, scratch, script._namespace, script._segment, fields, modules,
    details.tag)
  if err then put_reduced(scratch, script, fields, details.tag, err) end
end

-- Whether a copy was made for a list, and deleted since.
local function is_deleted(scratch, namespace, segment, key)
  if not scratch.done["stub " .. key] then return false end
  return not find(transport.call, scratch.client, endpoints.get_script, nil, nil, namespace,
    segment)
end

local function handle_of(client, namespace, segment)
  local name = segment:gsub("%%(%x%x)", function (hex) return string.char(tonumber(hex, 16)) end)
  return script_handles.new(client, { _segment = namespace }, name)
end

local function copy_script(scratch, client, namespace, segment, key)
  local details = find(transport.call, client, endpoints.get_script, nil, nil, namespace, segment)
  if not details or is_deleted(scratch, namespace, segment, key) then return end
  copy_all(scratch, handle_of(client, namespace, segment), details.script)
end

local function key_of(scratch, namespace, segment)
  return scratch:live_name(namespace) .. "/" .. segment
end

--- Copies a script, if it is there.
---@async
---@param scratch table
---@param client table
---@param namespace string  its namespace, encoded
---@param segment string  its name, encoded
function M.script(scratch, client, namespace, segment)
  local key = key_of(scratch, namespace, segment)
  scratch:once("script " .. key, copy_script, client, namespace, segment, key)
end

-- ---- lists -------------------------------------------------------------------------------------

-- A bulk delete looks at tags alone, so that code and settings need not be read.
local function copy_stub(scratch, namespace, script, info)
  local fields = { main_module = STUB[1].name, tags = json.array(info.tags),
    compatibility_date = "2026-10-01" }
  local details = type(info.script) == "table" and info.script or {}
  put(scratch, namespace, script._segment, fields, STUB, details.tag)
end

local function copy_list(scratch, client, namespace, filter)
  local list = listing.open({ _client = client, _segment = namespace }, filter)
  async.map(listing.entries(list), { concurrency = AT_ONCE }, function (script, info)
    local key = key_of(scratch, namespace, script._segment)
    if scratch.done["script " .. key] then return end
    scratch:once("stub " .. key, copy_stub, namespace, script, info)
  end)
end

--- Copies the scripts of a namespace that a filter selects, as far as a bulk delete needs them.
---@async
---@param scratch table
---@param client table
---@param namespace string  encoded
---@param filter? string  as the query has it; nil: all
function M.list(scratch, client, namespace, filter)
  local key = ("list %s?%s"):format(scratch:live_name(namespace), filter or "")
  scratch:once(key, copy_list, client, namespace, filter)
end

return M
