-- Bindings of a script: what a request lists, what it inherits, what it keeps by type. Secrets come
-- out apart: the list that is stored and shown never holds a value.

local binding_of = require "moonherd.platform.binding"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"
local types = require "moonherd.platform.binding_types"

local M = {}

local MOST = 128 -- variables and secrets of one Worker

-- Whether two JSON values are equal. What a request and a version hold are both canonical.
local function are_equal(a, b)
  return a == b or b ~= nil and json.encode(a) == json.encode(b)
end

-- Whether an entry lacks its value and names a binding of the version before, as clients do to
-- keep it: it has the name and type alone, or is a secret as it is shown.
local function is_reference(binding, before)
  if not before or before.type ~= binding.type then
    return false
  end
  for field, value in pairs(binding) do
    local is_shown = field == "name"
      or field == "type"
      or binding_of.is_secret(binding.type) and are_equal(value, before[field])
    local is_absent = value == json.null and field ~= "json"
    if not (is_shown or is_absent) then
      return false
    end
  end
  return true
end

local function check_entry(binding, pointer, call)
  if not shape.is_object(binding) then
    errors.invalid("A binding must be an object", pointer)
  elseif shape.is_absent(binding.name) or binding.name == "" then
    errors.refuse(10052, { pointer = pointer .. "/name" })
  end
  binding_of.check_name(binding.name, pointer .. "/name", call)
  shape.text(binding.type, pointer .. "/type")
end

-- The list of a request, each entry checked, by position and by name.
local function read_list(request, previous, call)
  local entries, by_name = {}, {}
  for i, binding in ipairs(request.list) do
    local pointer = "/bindings/" .. i - 1
    check_entry(binding, pointer, call)
    if by_name[binding.name] then
      errors.refuse(10053, { subject = binding.name, pointer = pointer .. "/name" })
    end
    if request.takes_references and is_reference(binding, previous[binding.name]) then
      binding = { type = "inherit", name = binding.name }
    else
      binding = binding_of.normalize(binding)
      binding_of.check_value(binding, pointer)
    end
    entries[i], by_name[binding.name] = binding, binding
  end
  return entries, by_name
end

-- Code that stays has the parts it had: no new ones come with the request.
local function check_parts(entries, previous)
  local known = {}
  for _, binding in ipairs(previous) do
    if binding_of.has_part(binding) then
      known[binding.part] = true
    end
  end
  for i, binding in ipairs(entries) do
    if binding_of.has_part(binding) and not known[binding.part] then
      errors.invalid(
        ('No such part "%s".'):format(binding.part),
        ("/bindings/%d/part"):format(i - 1)
      )
    end
  end
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
  self.list[#self.list + 1] = binding_of.without_value(binding)
  self.values[binding.name] = binding_of.value_of(binding)
end

-- Takes over a binding of the previous version, under `name`.
function Resolution:carry(binding, name)
  self.list[#self.list + 1] = binding_of.renamed(binding, name)
  self.carried[name] = binding.name
end

--- The bindings of a list by their names.
function M.index(list)
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

--- Checks the number of variables and secrets of a complete list.
function M.check_count(list, pointer)
  local count = 0
  for _, binding in ipairs(list) do
    count = count + (binding_of.is_counted(binding) and 1 or 0)
  end
  if count > MOST then
    errors.refuse(10055, { subject = MOST, pointer = pointer })
  end
end

--- Works out the bindings of a new version.
---
--- `request` holds `list` (the request's array), `keep` (a set of types), `strict` (what cannot be
--- inherited is refused, not dropped), `takes_references` (entries without their values stand for
--- what is there) and `keeps_code`; `previous` is the list of the version before. Returns `list`
--- (what is stored and shown), `values` (name -> value of each secret that is new) and `carried`
--- (name -> the name it had, for all that were taken over).
function M.resolve(request, previous, call)
  local resolution = { list = json.array {}, values = {}, carried = {}, missing = {} }
  setmetatable(resolution, Resolution)
  local by_name = M.index(previous)
  local entries, listed = read_list(request, by_name, call)
  if request.keeps_code then
    check_parts(entries, previous)
  end
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
  M.check_count(resolution.list, "/bindings")
  return resolution
end

return M
