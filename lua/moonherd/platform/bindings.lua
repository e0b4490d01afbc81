-- Bindings of an upload: what the request lists, what it inherits, what it keeps by type. Secrets
-- come out apart: the list that is stored and shown never holds a value.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local names = require "moonherd.platform.names"
local shape = require "moonherd.platform.shape"
local types = require "moonherd.platform.binding_types"

local M = {}

local LARGEST = 5 * 1024 -- bytes of one variable or secret
local MOST = 128 -- variables and secrets of one Worker
local SECRET_FIELDS = {
  secret_text = { "text" },
  secret_key = { "key_base64", "key_jwk" },
}
local IS_COUNTED = { plain_text = true, json = true, secret_text = true, secret_key = true }

--- Whether bindings of this type hold a value that is never shown.
function M.is_secret(type_name)
  return SECRET_FIELDS[type_name] ~= nil
end

-- The parts of a secret that are its value: { text = … }, { key_base64 = … } or { key_jwk = … }.
local function value_of(binding)
  local value = {}
  for _, field in ipairs(SECRET_FIELDS[binding.type] or {}) do
    if not shape.is_absent(binding[field]) then
      value[field] = binding[field]
    end
  end
  return next(value) and value or nil
end

--- A copy of a binding without its secret value. Of a secret no field goes that holds the value of
--- any: a client that mixes them up must not see its key stored in the open.
function M.without_value(binding)
  local copy = {}
  for field, value in pairs(binding) do
    copy[field] = value
  end
  for _, fields in pairs(M.is_secret(binding.type) and SECRET_FIELDS or {}) do
    for _, field in ipairs(fields) do
      copy[field] = nil
    end
  end
  return copy
end

local function check_name(binding, pointer, call)
  local name = binding.name
  if shape.is_absent(name) or name == "" then
    errors.refuse(10052, { pointer = pointer .. "/name" })
  end
  shape.string(name, pointer .. "/name")
  if not names.is_identifier(name) then
    local message = "Binding name '%s' is not a JavaScript variable name"
    call:warn(message:format(name), pointer .. "/name")
  end
end

-- The bytes of a variable's or secret's value.
local function value_size(binding)
  if binding.type == "json" then
    return #json.encode(binding.json)
  elseif shape.is_object(binding.key_jwk) then
    return #json.encode(binding.key_jwk)
  end
  local text = binding.text or binding.key_base64
  return type(text) == "string" and #text or 0
end

local function check_size(binding, pointer)
  if IS_COUNTED[binding.type] and value_size(binding) > LARGEST then
    errors.refuse(10054, { subject = binding.name, pointer = pointer })
  end
end

local function check_key(binding, pointer)
  local field = binding.format == "jwk" and "key_jwk" or "key_base64"
  local fits = field == "key_jwk" and shape.is_object or function (value)
    return type(value) == "string" and value ~= ""
  end
  if not fits(binding[field]) then
    local message = "`%s` is needed for a secret key in format %s"
    errors.invalid(message:format(field, binding.format), pointer .. "/" .. field)
  end
end

local function check_inherit(binding, pointer)
  local version = binding.version_id
  if not shape.is_absent(version) and version ~= "latest" then
    errors.invalid("An upload can inherit from version `latest` only", pointer .. "/version_id")
  end
  if not shape.is_absent(binding.old_name) then
    shape.text(binding.old_name, pointer .. "/old_name")
  end
end

local FURTHER_CHECKS = { secret_key = check_key, inherit = check_inherit }

--- Checks one binding by its type: what is missing, of the wrong kind, or too long.
function M.check_value(binding, pointer)
  for field, fits in pairs(types[binding.type] or {}) do
    if binding[field] == nil then
      errors.invalid(
        ("Binding '%s' of type %s needs `%s`"):format(binding.name, binding.type, field),
        pointer .. "/" .. field
      )
    end
    fits(binding[field], pointer .. "/" .. field)
  end
  local check = FURTHER_CHECKS[binding.type]
  if check then
    check(binding, pointer)
  end
  check_size(binding, pointer)
end

-- wrangler and the documentation write a database's id as `id`, reads give `database_id`.
local function normalize(binding)
  if binding.type == "d1" and binding.database_id == nil and binding.id ~= nil then
    local copy = M.without_value(binding)
    copy.database_id, copy.id = copy.id, nil
    return copy
  end
  return binding
end

-- The list of the request, each entry checked, by position and by name.
local function read_list(list, call)
  local entries, by_name = {}, {}
  for i, binding in ipairs(list) do
    local pointer = "/bindings/" .. i - 1
    if not shape.is_object(binding) then
      errors.invalid("A binding must be an object", pointer)
    end
    check_name(binding, pointer, call)
    shape.text(binding.type, pointer .. "/type")
    if by_name[binding.name] then
      errors.refuse(10053, { subject = binding.name, pointer = pointer .. "/name" })
    end
    entries[i] = normalize(binding)
    M.check_value(entries[i], pointer)
    by_name[binding.name] = entries[i]
  end
  return entries, by_name
end

--- Reads `keep_bindings`, a list of types, into a set.
function M.read_keep(keep)
  local set = {}
  if shape.is_absent(keep) then
    return set
  elseif not shape.is_list(keep) then
    local example = '`keep_bindings` must be an array of binding types, such as ["secret_text"]'
    errors.invalid(example, "/keep_bindings")
  end
  for i, name in ipairs(keep) do
    if not types[name] or name == "inherit" then
      errors.invalid(("unknown type '%s'"):format(tostring(name)), "/keep_bindings/" .. i - 1)
    end
    set[name] = true
  end
  return set
end

local Resolution = {}
Resolution.__index = Resolution

function Resolution:add(binding)
  self.list[#self.list + 1] = M.without_value(binding)
  self.values[binding.name] = value_of(binding)
end

-- Takes over a binding of the previous version, under `name`.
function Resolution:carry(binding, name)
  local copy = M.without_value(binding)
  copy.name = name
  self.list[#self.list + 1] = copy
  self.carried[name] = binding.name
end

local function index(list)
  local by_name = {}
  for _, binding in ipairs(list) do
    by_name[binding.name] = binding
  end
  return by_name
end

local function take_entry(resolution, binding, pointer, previous)
  if binding.type ~= "inherit" then
    resolution:add(binding)
    return
  end
  local wanted = shape.is_absent(binding.old_name) and binding.name or binding.old_name
  if previous[wanted] then
    resolution:carry(previous[wanted], binding.name)
  else
    local missing = resolution.missing
    missing[#missing + 1] = errors.entry(10057, { subject = binding.name, pointer = pointer })
  end
end

local function check_count(list)
  local count = 0
  for _, binding in ipairs(list) do
    count = count + (IS_COUNTED[binding.type] and 1 or 0)
  end
  if count > MOST then
    errors.refuse(10055, { subject = MOST, pointer = "/bindings" })
  end
end

--- Works out the bindings of a new version.
---
--- `request` holds `list` (the request's array), `keep` (a set of types) and `strict`; `previous`
--- is the list of the version before. Returns `list` (what is stored and shown), `values` (name ->
--- value of each secret that is new) and `carried` (name -> the name it had, for all that were
--- taken over).
function M.resolve(request, previous, call)
  local resolution = { list = json.array {}, values = {}, carried = {}, missing = {} }
  setmetatable(resolution, Resolution)
  local entries, listed = read_list(request.list, call)
  local by_name = index(previous)
  for i, binding in ipairs(entries) do
    take_entry(resolution, binding, "/bindings/" .. i - 1, by_name)
  end
  if request.strict and resolution.missing[1] then
    errors.refuse_all(resolution.missing)
  end
  for _, binding in ipairs(previous) do
    if request.keep[binding.type] and not listed[binding.name] then
      resolution:carry(binding, binding.name)
    end
  end
  check_count(resolution.list)
  return resolution
end

return M
