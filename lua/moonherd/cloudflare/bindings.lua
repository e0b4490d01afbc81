-- Bindings as scripts write them, turned into the list the API takes: by name or as a list, strings
-- as plain text, moonherd.inherit for what is live, and those that come back from the API without
-- their value as inherited ones. For script:upload and script:patch_settings.
local errors = require "moonherd.error"
local inherit = require "moonherd.cloudflare.inherit"
local json = require "moonherd.json"
local names = require "moonherd.cloudflare.names"
local secret = require "moonherd.secret"
local secret_value = require "moonherd.cloudflare.secret_value"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local Inherit = getmetatable(inherit)
local MOST_VARIABLES = 128
local refuse = types.refuse

--- Whether a value is moonherd.inherit, with or without a default.
---@param value any
---@return boolean
function M.is_inherit(value)
  return getmetatable(value) == Inherit
end

--- Hides the values of secrets, whatever else is wrong with what is given.
---@param given any  what stands for `bindings`
function M.hide(given)
  if type(given) ~= "table" or M.is_inherit(given) then return end
  for _, value in pairs(given) do
    if M.is_inherit(value) then value = value.default end
    if type(value) == "table" and value.type ~= "plain_text" then secret_value.hide(value) end
  end
end

-- ---- one binding -------------------------------------------------------------------------------

local HAS_PART = { wasm_module = true, text_blob = true, data_blob = true }

-- The API does not give the values of secrets and the parts of modules: sent so, they mean the ones
-- that are live.
local function is_valueless(binding)
  return binding.type == "secret_text" and binding.text == nil
    or binding.type == "secret_key" and binding.key_base64 == nil and binding.key_jwk == nil
    or HAS_PART[binding.type] and binding.part == nil
end

local function of_table(name, given, who)
  types.check_type(given.type, name, who)
  if is_valueless(given) then
    types.check_valueless(given, name, who)
    return { type = "inherit", name = name }
  end
  local binding = {}
  for key, value in pairs(given) do binding[key] = secret.reveal(value) end
  binding.name = name
  types.check(binding, who)
  return binding
end

local function of_text(name, text, who)
  local binding = { type = "plain_text", name = name, text = text }
  types.check(binding, who)
  return binding
end

local function of_value(name, value, who)
  if type(value) == "string" then return of_text(name, value, who) end
  if secret.is(value) then return of_table(name, { type = "secret_text", text = value }, who) end
  if value == json.null then
    refuse(who, name, "null removes nothing here; leave the binding out")
  end
  if type(value) ~= "table" and type(value) ~= "number" and type(value) ~= "boolean" then
    refuse(who, name, "a string, a table with its type such as {type = \"kv_namespace\", …}, "
      .. "moonherd.secret(…) or moonherd.inherit is expected, got %s", type(value))
  end
  if type(value) ~= "table" then
    refuse(who, name, "a string or a table is expected, got %s; {type = \"json\", json = %s} "
      .. "binds it", type(value), tostring(value))
  end
  if M.is_inherit(value) then return { type = "inherit", name = name } end
  return of_table(name, value, who)
end

-- ---- all of them -------------------------------------------------------------------------------

local function check_name(name, who)
  if type(name) == "string" and name ~= "" then return names.check(name, who, "a binding") end
  return errors.usage("%s: bad option 'bindings' (every binding needs a name, got %s)", who,
    name == "" and "an empty one" or type(name))
end

local function add(set, name, value, who)
  if set.seen[name] then refuse(who, name, "the name is given twice") end
  set.seen[name] = true
  set.list[#set.list + 1] = of_value(name, value, who)
  if M.is_inherit(value) and value.default ~= nil then
    set.defaults[name] = of_value(name, value.default, who)
  end
end

local function add_list(set, given, who)
  for key in pairs(given) do
    if math.type(key) ~= "integer" then
      errors.usage("%s: bad option 'bindings' (a list has no names, got '%s'; give all by name, or "
        .. "all in the list)", who, tostring(key))
    end
  end
  for _, binding in ipairs(given) do
    if type(binding) ~= "table" then
      errors.usage("%s: bad option 'bindings' (a list holds tables, got %s)", who, type(binding))
    end
    add(set, check_name(binding.name, who), binding, who)
  end
end

local function add_named(set, given, who)
  local all = {}
  for name in pairs(given) do all[#all + 1] = check_name(name, who) end
  table.sort(all)
  for _, name in ipairs(all) do add(set, name, given[name], who) end
end

local function check_count(list, who)
  local count = 0
  for _, binding in ipairs(list) do
    if types.is_variable(binding.type) then count = count + 1 end
  end
  if count <= MOST_VARIABLES then return end
  errors.raise {
    kind = "usage", reason = "too_many_bindings", hint = "put several values in one json binding",
    message = ("%s: %d variables and secrets are too many; %d are the most"):format(who, count,
      MOST_VARIABLES),
  }
end

--- Reads an option `bindings`.
---@param given table  by name, a list, or moonherd.inherit for all that are live
---@param who string  the public name of the function
---@return table set  {list=, defaults={name -> binding}, seen={name -> true}, keep=types or nil}
---@error usage too_many_bindings  above 128 variables and secrets
function M.read(given, who)
  local set = { list = json.array {}, defaults = {}, seen = {} }
  if M.is_inherit(given) then
    if given.default ~= nil then
      errors.usage("%s: bad option 'bindings' (all of them together have no default)", who)
    end
    set.keep = types.KEPT
  elseif given[1] ~= nil then
    add_list(set, given, who)
  else
    add_named(set, given, who)
  end
  check_count(set.list, who)
  return set
end

-- ---- defaults ----------------------------------------------------------------------------------

-- The binding an entry of a failure complains of: by the name in its text, else by its pointer.
local function culprit(set, entry)
  local name = (entry.message or ""):match "'([^']+)'"
  if name and set.seen[name] then return name end
  local pointer = type(entry.source) == "table" and tostring(entry.source.pointer) or ""
  local index = math.tointeger(tonumber(pointer:match "/bindings/(%d+)"))
  local binding = index and set.list[index + 1]
  return binding and binding.name
end

--- Puts defaults in the place of inherited bindings that are not live.
---@param set table  as read made it; changed
---@param missing table  name -> true
---@return boolean changed
function M.take_defaults(set, missing)
  local changed = false
  for i, binding in ipairs(set.list) do
    local default = missing[binding.name] and set.defaults[binding.name]
    if default then
      set.list[i], changed = default, true
      set.defaults[binding.name] = nil
    end
  end
  return changed
end

--- Puts the defaults of inherited bindings in the place of those that a failed upload did not find.
---@param set table  as read made it; changed
---@param err table  the failure
---@return boolean helped  false when any that was not found has no default
function M.use_defaults(set, err)
  if err.reason ~= "binding_not_found" then return false end
  local missing = {}
  for _, entry in ipairs(err.errors) do
    local name = culprit(set, entry)
    if not set.defaults[name or ""] then return false end
    missing[name] = true
  end
  return M.take_defaults(set, missing)
end

--- The bindings of a list by their names.
---@param list table[]
---@return table by_name  name -> binding
function M.by_name(list)
  local index = {}
  for _, binding in ipairs(list) do index[binding.name] = binding end
  return index
end

return M
