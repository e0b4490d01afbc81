-- Handlers of a script's secrets, one by one and many at once. Each change of any number of them
-- makes one new version; the code stays.

local binding_of = require "moonherd.platform.binding"
local bindings_of = require "moonherd.platform.bindings"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local publish = require "moonherd.platform.publish"
local script_state = require "moonherd.platform.script_state"
local secrets_of = require "moonherd.platform.secrets"
local shape = require "moonherd.platform.shape"

local M = {}

local BULK_TYPES = { ["application/json"] = true, ["application/merge-patch+json"] = true }
local BULK = shape.object({
  secrets = shape.object {},
  version_tags = shape.object {}, -- versions are not shown, so their tags are not kept
}, { "secrets" })

-- ---- out ----------------------------------------------------------------------------------------

-- The secrets among bindings, by name.
local function secrets_by_name(bindings)
  local secrets = {}
  for _, binding in ipairs(bindings) do
    if binding_of.is_secret(binding.type) then
      secrets[binding.name] = binding
    end
  end
  return secrets
end

local function read_secrets(call)
  return secrets_by_name(script_state.new(lookup.present_state(call), call).bindings)
end

local function refuse_missing(name)
  errors.refuse(10056, { subject = name })
end

--- GET secrets
function M.list(call)
  local list = json.array {}
  for _, secret in pairs(read_secrets(call)) do
    list[#list + 1] = secret
  end
  table.sort(list, function (a, b)
    return a.name < b.name
  end)
  return json.encode(list)
end

--- GET secret
function M.get(call)
  local name = call.parameters.secret
  return json.encode(read_secrets(call)[name] or refuse_missing(name))
end

-- ---- in -----------------------------------------------------------------------------------------

-- Checks the object of a request that sets a secret, `pointer` being its place, and returns the
-- binding it makes.
local function read_secret(secret, name, pointer, call)
  if not shape.is_object(secret) then
    errors.invalid("A secret must be an object", pointer)
  end
  secret.type = shape.is_absent(secret.type) and "secret_text" or secret.type
  if not binding_of.is_secret(secret.type) then
    errors.invalid("`type` must be one of secret_text, secret_key", pointer .. "/type")
  end
  secret.name = name or secret.name
  binding_of.check_name(secret.name, pointer .. "/name", call)
  binding_of.check_value(secret, pointer)
  return secret
end

local function position_of(bindings, name)
  for i, binding in ipairs(bindings) do
    if binding.name == name then
      return i
    end
  end
end

local function set(call, script, secret, pointer)
  local bindings, name = script.bindings, secret.name
  local at = position_of(bindings, name)
  if at and not binding_of.is_secret(bindings[at].type) then
    errors.refuse(10053, { subject = name, pointer = pointer })
  end
  bindings[at or #bindings + 1] = binding_of.without_value(secret)
  script.secrets[name] =
    secrets_of.seal(call.platform.key, script.tag, name, binding_of.value_of(secret))
end

-- Removes a secret; whether it was there.
local function remove(script, name)
  local at = position_of(script.bindings, name)
  if not (at and binding_of.is_secret(script.bindings[at].type)) then
    return false
  end
  table.remove(script.bindings, at)
  script.secrets[name] = nil
  return true
end

--- PUT secrets: sets one.
function M.put(call)
  local state = lookup.present_state(call)
  local secret = read_secret(call:json(), nil, "", call)
  publish.change(call, lookup.present_state, state, function (script)
    set(call, script, secret, "/name")
    bindings_of.check_count(script.bindings)
    return {}
  end)
  return json.encode(binding_of.without_value(secret))
end

--- DELETE secret
function M.delete(call)
  local state, name = lookup.present_state(call), call.parameters.secret
  publish.change(call, lookup.present_state, state, function (script)
    return remove(script, name) and {} or refuse_missing(name)
  end)
  return "null"
end

-- ---- many at once -------------------------------------------------------------------------------

-- Checks one member of a bulk change: a secret to set, or null.
local function read_edit(name, secret, call)
  local pointer = shape.member("/secrets", name)
  if secret == json.null then
    return { name = name }
  end
  local named = shape.is_object(secret) and secret.name
  if named and not shape.is_absent(named) and named ~= name then
    errors.invalid("The secret has another `name` than its member", pointer .. "/name")
  end
  return { name = name, secret = read_secret(secret, name, pointer, call), pointer = pointer }
end

-- The changes of a bulk request, in the order of the names.
local function read_edits(call)
  if not BULK_TYPES[call:media_type()] then
    errors.refuse(10001, {
      message = "Content-Type must be one of: application/json, application/merge-patch+json",
    })
  end
  local body, edits = call:json(), {}
  BULK(body, "")
  for name, secret in pairs(body.secrets) do
    edits[#edits + 1] = { name = name, secret = secret }
  end
  table.sort(edits, function (a, b)
    return a.name < b.name
  end)
  local secrets = {}
  for i, edit in ipairs(edits) do
    edits[i] = read_edit(edit.name, edit.secret, call)
    secrets[#secrets + 1] = edits[i].secret
  end
  bindings_of.check_count(secrets, "/secrets") -- before each is looked for in the others
  return edits
end

-- Applies changes to a script's state; whether it is another then. To remove what is not there is
-- no fault in a merge patch.
local function apply(call, script, edits)
  local is_changed = false
  for _, edit in ipairs(edits) do
    if edit.secret then
      set(call, script, edit.secret, edit.pointer)
      is_changed = true
    else
      is_changed = remove(script, edit.name) or is_changed
    end
  end
  bindings_of.check_count(script.bindings, "/secrets")
  return is_changed
end

--- PATCH secrets-bulk: sets and removes many. Answers with all that are there then, by name.
function M.patch(call)
  local state = lookup.present_state(call)
  local edits = read_edits(call)
  local script = publish.change(call, lookup.present_state, state, function (script)
    return apply(call, script, edits) and {} or nil
  end)
  return json.encode(secrets_by_name(script.bindings))
end

return M
