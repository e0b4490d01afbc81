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

-- The name a body asks for.
local function requested_name(body)
  if not shape.is_object(body) then
    errors.invalid("The body must be an object", "")
  elseif shape.is_absent(body.name) or body.name == "" then
    errors.invalid("A namespace needs a `name`", "/name")
  elseif not names.is_valid(body.name) then
    errors.invalid("The namespace's name is not valid", "/name")
  end
  return body.name
end

--- POST namespaces
function M.create(call)
  local now = call.stamp()
  local row = {
    account = call.parameters.account,
    name = requested_name(call:json()),
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
  local row = call.store:find_namespace(lookup.namespace(call))
  if not row then
    errors.refuse(100119)
  end
  return to_json(row)
end

--- DELETE namespace, with all scripts in it
function M.delete(call)
  if not call.store:delete_namespace(lookup.namespace(call)) then
    errors.refuse(100119)
  end
  return "null"
end

return M
