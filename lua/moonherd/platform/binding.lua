-- One binding: the checks of its fields, and the value that nobody may see again.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local names = require "moonherd.platform.names"
local secrets_of = require "moonherd.platform.secrets"
local shape = require "moonherd.platform.shape"
local types = require "moonherd.platform.binding_types"

local M = {}

local LARGEST = 5 * 1024 -- bytes of one variable or secret
local VALUE_FIELDS = {
  secret_text = { "text" },
  secret_key = { "key_base64", "key_jwk" },
}
-- What is kept in the open of a secret, and of what may stand for one. All else is taken for a
-- value, under whatever name a client sends it.
local SECRET_FIELDS = { "name", "type", "algorithm", "format", "usages" }
local OPEN_FIELDS = {
  secret_text = SECRET_FIELDS,
  secret_key = SECRET_FIELDS,
  inherit = { "name", "type", "old_name", "version_id" },
}
local IS_COUNTED = { plain_text = true, json = true, secret_text = true, secret_key = true }
local PART_TYPES = { wasm_module = true, text_blob = true, data_blob = true }

--- Whether bindings of this type hold a value that is never shown.
function M.is_secret(type_name)
  return VALUE_FIELDS[type_name] ~= nil
end

--- Whether a binding is one of the variables and secrets that are limited in size and number.
function M.is_counted(binding)
  return IS_COUNTED[binding.type] or false
end

--- Whether a binding is one whose value is a part of the upload.
function M.has_part(binding)
  return PART_TYPES[binding.type] and not shape.is_absent(binding.part)
end

--- The parts of a secret that are its value: { text = … }, { key_base64 = … } or { key_jwk = … };
--- nil of any other binding.
function M.value_of(binding)
  local value = {}
  for _, field in ipairs(VALUE_FIELDS[binding.type] or {}) do
    if not shape.is_absent(binding[field]) then
      value[field] = binding[field]
    end
  end
  return next(value) and value or nil
end

local function copy_of(binding)
  local copy = {}
  for field, value in pairs(binding) do
    copy[field] = value
  end
  return copy
end

--- A copy of a binding without its secret value.
function M.without_value(binding)
  local fields = OPEN_FIELDS[binding.type]
  if not fields then
    return copy_of(binding)
  end
  local copy = {}
  for _, field in ipairs(fields) do
    copy[field] = binding[field]
  end
  return copy
end

--- A copy of a binding under another name, without its secret value.
function M.renamed(binding, name)
  local copy = M.without_value(binding)
  copy.name = name
  return copy
end

--- A binding as it is kept. wrangler and the documentation write a database's id as `id`, reads
--- give `database_id`.
function M.normalize(binding)
  if binding.type == "d1" and shape.is_absent(binding.database_id) then
    local copy = copy_of(binding)
    copy.database_id, copy.id = copy.id, nil
    return copy
  end
  return binding
end

--- Checks a name that is there. Any text will do; one that scripts cannot write gets a warning.
function M.check_name(name, pointer, call)
  shape.text(name, pointer)
  if not names.is_identifier(name) then
    call:warn(("Binding name '%s' is not a JavaScript variable name"):format(name), pointer)
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
  if M.is_counted(binding) and value_size(binding) > LARGEST then
    errors.refuse(10054, { subject = binding.name, pointer = pointer })
  end
end

local function is_key(value, field)
  if field == "key_jwk" then
    return shape.is_object(value)
  end
  return type(value) == "string" and value ~= ""
end

local function check_key(binding, pointer)
  local field = binding.format == "jwk" and "key_jwk" or "key_base64"
  if not is_key(binding[field], field) then
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

-- A type that nobody knows is kept as it comes. One that speaks of a secret is a slip of the pen:
-- its value must not end up in the open.
local function check_type(binding, pointer)
  if not types[binding.type] and binding.type:lower():find "^secret" then
    local message = "Binding '%s' is of an unknown type; secrets are secret_text or secret_key"
    errors.invalid(message:format(binding.name), pointer .. "/type")
  end
end

local FURTHER_CHECKS = { secret_key = check_key, inherit = check_inherit }

--- Checks a binding that has a name by its type: what is missing, of the wrong kind, or too long.
--- From here on the masker knows a secret's value.
function M.check_value(binding, pointer)
  secrets_of.hide(M.value_of(binding) or {})
  check_type(binding, pointer)
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

return M
