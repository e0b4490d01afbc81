-- Handlers of a script as a whole: upload, details, delete.

local assets_of = require "moonherd.platform.assets"
local binding_of = require "moonherd.platform.binding"
local bindings_of = require "moonherd.platform.bindings"
local errors = require "moonherd.platform.errors"
local exports_of = require "moonherd.platform.exports"
local handlers = require "moonherd.platform.handlers"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local metadata_of = require "moonherd.platform.metadata"
local migrations = require "moonherd.platform.migrations"
local names = require "moonherd.platform.names"
local publish = require "moonherd.platform.publish"
local rebind = require "moonherd.platform.rebind"
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
  if not row.id then
    errors.refuse(10092)
  end
  return M.to_json(row, call.parameters.namespace)
end

--- DELETE script, with its versions, secrets and tags. Whether others refer to it is not looked at,
--- so `force` makes no difference.
function M.delete(call)
  return call:settle(lookup.key(call), function ()
    local state = lookup.present_state(call)
    return call.store:delete_script(state.id, state.tag, state.rev) and "null" or nil
  end)
end

-- ---- upload -------------------------------------------------------------------------------------

-- The code of a request; when it has none that of the version before, unless it has assets alone.
local function choose_code(call, request, script)
  local code
  if request.raw then
    code = upload.raw(request.raw, call)
  else
    code = upload.code(request.metadata, request.files, script.code, call)
  end
  if code then
    handlers.find(call, code)
    return code
  elseif assets_of.are_alone(request.metadata) then
    return nil
  elseif not script.code and not script.assets then
    errors.invalid "A new Worker needs code: the upload has neither files nor assets"
  end
  return script.code
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
      binding_of.is_secret(binding.type)
      and not kept[binding.name]
      and not resolution.values[binding.name]
    then
      local message = "the upload drops secret '%s': keep_bindings does not name its type"
      call:log("warn", message:format(binding.name))
    end
  end
end

local function replace_bindings(call, metadata, script)
  local before = script.bindings
  local resolution, carried_parts = rebind.apply(call, script, {
    list = shape.is_absent(metadata.bindings) and {} or metadata.bindings,
    keep = keep_types(call, metadata),
    strict = call:query "bindings_inherit" == "strict",
    keeps_code = not (script.code and not script.code.id),
  })
  log_dropped_secrets(call, before, resolution)
  return carried_parts
end

-- Applies a request to a script's state.
local function apply(call, request, script)
  local metadata = request.metadata
  script.assets = assets_of.resolve(call, metadata, script)
  script.code = choose_code(call, request, script)
  call.give_way()
  local carried_parts = replace_bindings(call, metadata, script)
  local has_new_tags = tags_of.replace(script, metadata.tags, call)
  migrations.migrate(script, metadata.migrations)
  script.settings, script.version_settings = metadata_of.settings(metadata)
  script.metadata = metadata_of.without_values(metadata)
  return { tags = has_new_tags, carried_parts = carried_parts }
end

local RESULT = '{"startup_time_ms":%d,"deployment_id":"%s","entry_point":%s,"pipeline_hash":null,'
  .. '"mutable_pipeline_id":null,%s%s'

-- The Script object, which is rendered already, with the members of an upload in front.
local function upload_result(script)
  local reconciliation = exports_of.reconciliation(script.version_settings.exports)
  return RESULT:format(
    STARTUP_TIME,
    (script.version_uuid:gsub("-", "")),
    json.encode(script.code and script.code.entry or json.null),
    reconciliation and '"exports_reconciliation":' .. json.encode(reconciliation) .. "," or "",
    script.document:sub(2)
  )
end

--- PUT script
function M.put(call)
  local state = lookup.state(call)
  local request = upload_body.read(call)
  local name = call.parameters.script
  if not names.is_usual_script(name) then
    call:log("warn", ("script name '%s' does not fit the published pattern"):format(name))
  end
  return upload_result(publish.change(call, lookup.state, state, function (script)
    return apply(call, request, script)
  end))
end

return M
