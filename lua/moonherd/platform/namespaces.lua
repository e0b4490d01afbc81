-- Handlers of dispatch namespaces.

local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local names = require "moonherd.platform.names"
local shape = require "moonherd.platform.shape"

local M = {}

local function to_json(row)
  return json.encode {
    namespace_id = row.uuid,
    namespace_name = row.name,
    created_on = row.created_on,
    created_by = row.created_by,
    modified_on = row.modified_on,
    modified_by = row.modified_by,
    script_count = row.script_count,
    trusted_workers = row.is_trusted == 1,
  }
end

local function check_name(name)
  if not names.is_valid(name) then
    errors.invalid("The namespace's name is not valid", "/name")
  end
end

local CREATED = shape.object({ name = check_name }, { "name" })
local CHANGED = shape.object { name = check_name, trusted_workers = shape.boolean }

local function read_body(call, check)
  local body = call:json()
  check(body, "")
  return body
end

--- POST namespaces
function M.create(call)
  local body, now = read_body(call, CREATED), call.stamp()
  local row = {
    account = call.parameters.account,
    name = body.name,
    uuid = hash.uuid(),
    created_on = now,
    created_by = call.user,
    modified_on = now,
    modified_by = call.user,
    script_count = 0,
    is_trusted = 0,
  }
  if not call.store:create_namespace(row) then
    errors.refuse(100120, { pointer = "/name" })
  end
  return to_json(row)
end

--- GET namespaces
function M.list(call)
  local list = {}
  for i, row in ipairs(call.store:list_namespaces(call.parameters.account)) do
    list[i] = to_json(row)
  end
  return "[" .. table.concat(list, ",") .. "]"
end

--- GET namespace
function M.get(call)
  local _, _, row = lookup.present_namespace(call)
  return to_json(row)
end

-- A field of a body; nil when it is absent.
local function given(value)
  if not shape.is_absent(value) then
    return value
  end
end

-- Writes what the body gives and leaves the rest, except for the trust when it has a default. The
-- write needs no guard: nothing in it but the stamp depends on what was there.
local function change(call, default_trust)
  lookup.present_namespace(call)
  local body = read_body(call, CHANGED)
  local account, namespace, before = lookup.present_namespace(call)
  local is_trusted = given(body.trusted_workers)
  if is_trusted == nil then
    is_trusted = default_trust
  end
  local row, is_taken = call.store:change_namespace(account, namespace, {
    name = given(body.name),
    is_trusted = is_trusted,
    modified_on = call.stamp(before.modified_on),
    modified_by = call.user,
  })
  if not row then
    errors.refuse(is_taken and 100120 or 100119, is_taken and { pointer = "/name" })
  end
  return to_json(row)
end

--- PUT namespace. Without a name it keeps the one it has; without `trusted_workers` it is trusted
--- no more.
function M.put(call)
  return change(call, false)
end

--- PATCH namespace: what the body leaves out stays.
function M.patch(call)
  return change(call, nil)
end

--- DELETE namespace, with all scripts in it
function M.delete(call)
  if not call.store:delete_namespace(lookup.namespace(call)) then
    errors.refuse(100119)
  end
  return "null"
end

return M
