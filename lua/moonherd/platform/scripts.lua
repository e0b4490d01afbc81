-- Handlers of a script as a whole: upload, details, delete.

local assets_of = require "moonherd.platform.assets"
local bindings_of = require "moonherd.platform.bindings"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local metadata_of = require "moonherd.platform.metadata"
local migrations = require "moonherd.platform.migrations"
local names = require "moonherd.platform.names"
local publish = require "moonherd.platform.publish"
local secrets_of = require "moonherd.platform.secrets"
local shape = require "moonherd.platform.shape"
local tags_of = require "moonherd.platform.tags"
local upload = require "moonherd.platform.upload"
local upload_body = require "moonherd.platform.upload_body"

local M = {}

local STARTUP_TIME = 1 -- ms; nothing is started, and clients print it only when it is not 0

local SHOWN = '{"id":%s,"dispatch_namespace":%s,"created_on":"%s","modified_on":"%s","tags":%s,'
  .. '"script":%s}'

--- The NamespaceScript object of a row of the store, as JSON text.
function M.to_json(row, namespace)
  return SHOWN:format(
    json.encode(row.name),
    json.encode(namespace),
    row.created_on,
    row.modified_on,
    row.tags,
    row.document
  )
end

--- GET script
function M.get(call)
  local row = lookup.document(call)
  if not row.name then
    errors.refuse(10092)
  end
  return M.to_json(row, call.parameters.namespace)
end

--- DELETE script, with its versions, secrets and tags. Whether others refer to it is not looked at,
--- so `force` makes no difference.
function M.delete(call)
  return call:settle(lookup.key(call), function ()
    local state = lookup.present_state(call)
    return call.store:delete_script(state.id, state.rev) and "null" or nil
  end)
end

-- ---- upload -------------------------------------------------------------------------------------

-- The code of a request, or that of the version before when it has none.
local function choose_code(call, request, script)
  local code
  if request.raw then
    code = upload.raw(request.raw, call)
  else
    code = upload.code(request.metadata, request.files, script.code, call)
  end
  if code and not publish.describe(call, code) then
    errors.refuse(10068)
  elseif not code and not script.code then
    errors.invalid "A new Worker needs code: the upload has neither files nor assets"
  end
  return code or script.code
end

local function keep_types(call, metadata)
  local keep = bindings_of.read_keep(metadata.keep_bindings)
  if call.platform.options.implicit_secret_inheritance then
    keep.secret_text, keep.secret_key = true, true
  end
  return keep
end

-- Without `keep_bindings` an upload drops the secrets it does not name; nobody wants that
-- unnoticed.
local function log_dropped_secrets(call, before, resolution)
  local kept = {}
  for _, old_name in pairs(resolution.carried) do
    kept[old_name] = true
  end
  for _, binding in ipairs(before) do
    if
      bindings_of.is_secret(binding.type)
      and not kept[binding.name]
      and not resolution.values[binding.name]
    then
      local message = "the upload drops secret '%s': keep_bindings does not name its type"
      call:log("warn", message:format(binding.name))
    end
  end
end

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
    if upload.has_part(binding) and resolution.carried[binding.name] then
      parts[#parts + 1] = binding.part
    end
  end
  return parts
end

local function resolve_bindings(call, metadata, script)
  return bindings_of.resolve({
    list = shape.is_absent(metadata.bindings) and {} or metadata.bindings,
    keep = keep_types(call, metadata),
    strict = call:query "bindings_inherit" == "strict",
  }, script.bindings, call)
end

-- The metadata as it is kept with the version: nothing in it opens anything.
local function safe_metadata(metadata)
  local copy = {}
  for name, value in pairs(metadata) do
    copy[name] = value
  end
  if shape.is_list(metadata.bindings) then
    copy.bindings = json.array {}
    for i, binding in ipairs(metadata.bindings) do
      copy.bindings[i] = bindings_of.without_value(binding)
    end
  end
  return json.encode(copy)
end

-- Applies a request to a script's state.
local function change_script(call, request, script)
  local metadata, previous = request.metadata, script.code
  script.code = choose_code(call, request, script)
  script.assets = assets_of.resolve(metadata)
  local resolution = resolve_bindings(call, metadata, script)
  assets_of.check_bindings(resolution.list, script.assets)
  log_dropped_secrets(call, script.bindings, resolution)
  local gives_tags = metadata.tags ~= nil
  if gives_tags then
    script.tags = metadata.tags == json.null and {} or tags_of.check(metadata.tags, "/tags", call)
  end
  script.migration_tag, script.classes =
    migrations.apply(metadata.migrations, script.migration_tag, script.classes)
  script.settings, script.version_settings = metadata_of.settings(metadata)
  script.secrets = seal_secrets(call, script, resolution)
  script.bindings = resolution.list
  script.metadata = safe_metadata(metadata)
  return { tags = gives_tags, carried_parts = carried_parts(resolution), previous = previous }
end

local EMPTY_RECONCILIATION = {
  "created",
  "updated",
  "deleted",
  "renamed",
  "transferred",
  "transfer_pending",
  "removable_entries",
  "info",
  "warnings",
}

local function reconciliation()
  local lists = {}
  for _, name in ipairs(EMPTY_RECONCILIATION) do
    lists[name] = json.array {}
  end
  return lists
end

local function upload_result(rendered, script, uuid)
  rendered.startup_time_ms = STARTUP_TIME
  rendered.deployment_id = uuid:gsub("-", "")
  rendered.entry_point = script.code.entry
  rendered.pipeline_hash = json.null
  rendered.mutable_pipeline_id = json.null
  rendered.exports_reconciliation = script.version_settings.exports and reconciliation()
  return json.encode(rendered)
end

-- One attempt to write an upload; nil when somebody else was first.
local function put(call, request, state)
  local name = call.parameters.script
  local script = state.id and publish.decode(state, name)
    or publish.blank(state, name, call.stamp())
  local change = change_script(call, request, script)
  local rendered, uuid = publish.write(call, script, change)
  return rendered and upload_result(rendered, script, uuid)
end

--- PUT script
function M.put(call)
  local state = lookup.state(call)
  local request = upload_body.read(call)
  local name = call.parameters.script
  if not names.is_usual_script(name) then
    call:log("warn", ("script name '%s' does not fit the published pattern"):format(name))
  end
  return call:settle(lookup.key(call), function (try)
    return put(call, request, try == 1 and state or lookup.state(call))
  end)
end

return M
