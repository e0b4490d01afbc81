-- The settings of a script: all of them read, some of them changed. The API takes a list of
-- bindings and an object of settings as the whole new one; here what is not named stays, which
-- takes a read first. The API has no condition for the write: between the two, a change that
-- somebody else makes to the same list or object is lost.
local bindings = require "moonherd.cloudflare.bindings"
local compare = require "moonherd.cloudflare.compare"
local encode = require "moonherd.cloudflare.encode"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local form = require "moonherd.cloudflare.form"
local json = require "moonherd.json"
local metadata = require "moonherd.cloudflare.metadata"
local options = require "moonherd._options"
local tags = require "moonherd.cloudflare.tags"
local transport = require "moonherd.cloudflare.transport"

local M = {}

local WHO = "script:patch_settings"

-- ---- options -----------------------------------------------------------------------------------

local SENT = {
  compatibility_date = true, compatibility_flags = true, usage_model = true, limits = true,
  logpush = true, tags = true, tail_consumers = true, observability = true, placement = true,
  migrations = true, exports = true, cache_options = true, streaming_tail_consumers = true,
  annotations = true,
}

-- Objects that the API replaces whole. Not placement: its members are one of several forms.
local MERGED = { "limits", "observability", "cache_options" }

-- Given by script:settings, so that its result can be taken as it is; not sent.
local READ_ONLY = { "exports_reconciliation", "migration_tag", "modified_on", "messages",
  "requests" }

-- Within a merged object, null takes a member away.
local function nullable(descriptors)
  local copies = {}
  for i, descriptor in ipairs(descriptors) do
    local copy = {}
    for key, value in pairs(descriptor) do copy[key] = value end
    if not copy[2]:find("null", 1, true) then copy[2] = copy[2] .. "|null" end
    copy.fields = copy.fields and nullable(copy.fields)
    copies[i] = copy
  end
  return copies
end

local function is_merged(name)
  for _, each in ipairs(MERGED) do
    if each == name then return true end
  end
  return false
end

local function descriptors()
  local list = { { "bindings", "table" }, { "replace", "boolean" } }
  for _, descriptor in ipairs(metadata.OPTIONS) do
    local name = descriptor[1]
    if is_merged(name) then
      list[#list + 1] = { name, "table", fields = nullable(descriptor.fields) }
    elseif SENT[name] then
      list[#list + 1] = descriptor
    end
  end
  for _, name in ipairs(READ_ONLY) do list[#list + 1] = { name, "any" } end
  return list
end

local function advice()
  local all = {
    keep_bindings = "bindings that are not named are kept",
    main_module = "settings hold no code; script:put_content replaces it",
    modules = "settings hold no code; script:put_content replaces it",
    assets = "settings hold no assets; script:upload takes them",
  }
  for name, text in pairs(metadata.ADVICE) do all[name] = text end
  return all
end

local read_options = options.reader(WHO, descriptors(), advice())

-- ---- the changes -------------------------------------------------------------------------------

-- Takes the nulls out of bindings by name: the names that shall go.
local function split_bindings(given)
  if bindings.is_inherit(given) or given[1] ~= nil then return given, {} end
  local values, removed = {}, {}
  for name, value in pairs(given) do
    if value == json.null then removed[name] = true else values[name] = value end
  end
  return values, removed
end

local function read_bindings(opts)
  if not opts.bindings then return nil end
  local given, removed = opts.bindings, {}
  if not opts.replace then given, removed = split_bindings(given) end
  local set = bindings.read(given, WHO)
  if opts.replace and next(set.defaults) then
    errors.usage("%s: moonherd.inherit{default=…} cannot be used with replace: what is live is "
      .. "not read", WHO)
  end
  -- All that are live, or none given: nothing changes.
  local is_idle = set.keep or not opts.replace and #set.list == 0 and next(removed) == nil
  if is_idle then return nil end
  set.removed = removed
  return set
end

local function check(opts)
  if opts.migrations and opts.exports then
    errors.usage("%s: migrations and exports are two ways to declare classes; give one", WHO)
  end
  if opts.tags then tags.check(opts.tags, WHO) end
end

-- What is given, as {fields=, bindings= a set or nil, replace=}.
local function read_changes(given)
  bindings.hide(type(given) == "table" and given.bindings)
  local opts = read_options(given)
  check(opts)
  local changes = { fields = {}, bindings = read_bindings(opts), replace = opts.replace }
  for name in pairs(SENT) do changes.fields[name] = opts[name] end
  for _, name in ipairs(opts.replace and {} or MERGED) do
    local object = changes.fields[name]
    if object and next(object) == nil then changes.fields[name] = nil end
  end
  if not changes.bindings and next(changes.fields) == nil then
    errors.usage("%s: there is nothing to change", WHO)
  end
  return changes
end

-- ---- merging -----------------------------------------------------------------------------------

local function is_object(value)
  return type(value) == "table" and not json.is_array(value)
end

-- A copy of an object with changes; null takes a member away (RFC 7396).
local function merge(old, changes)
  local merged = {}
  for name, value in pairs(is_object(old) and old or {}) do merged[name] = value end
  for name, value in pairs(changes) do
    if value == json.null then
      merged[name] = nil
    elseif is_object(value) then
      merged[name] = merge(merged[name], value)
    else
      merged[name] = value
    end
  end
  return merged
end

-- The bindings that are live. Taken for fewer than there are, those that are missing would go.
local function live_bindings(script, settings)
  local list = settings.bindings
  local is_good = json.is_array(list)
  for _, binding in ipairs(is_good and list or {}) do
    is_good = is_good and is_object(binding) and type(binding.name) == "string"
  end
  return is_good and list or errors.raise {
    kind = "api", reason = "bad_answer", retryable = false, errors = {},
    message = ("settings of %s: the answer holds no list of bindings"):format(script),
  }
end

-- What shall be inherited must be live, or have a default: the API would drop it.
local function check_inherited(set, live)
  local missing = {}
  for _, binding in ipairs(set.list) do
    if binding.type == "inherit" and not live[binding.old_name or binding.name] then
      missing[binding.name] = true
    end
  end
  bindings.take_defaults(set, missing)
  for _, binding in ipairs(set.list) do
    if binding.type == "inherit" and missing[binding.name] then
      errors.raise {
        kind = "api", reason = "binding_not_found", retryable = false, errors = {},
        message = ("%s: no binding '%s' is live"):format(WHO, binding.old_name or binding.name),
        hint = "give a value, or moonherd.inherit{default=…}",
      }
    end
  end
end

-- The whole new list: what is live in its order, then what is new. Whatever is not named is
-- inherited, so that no value is sent that nobody gave.
local function merge_bindings(live, set)
  check_inherited(set, bindings.by_name(live))
  local given, list = bindings.by_name(set.list), json.array {}
  for _, binding in ipairs(live) do
    local name = binding.name
    if not set.removed[name] then
      list[#list + 1] = given[name] or { type = "inherit", name = name }
      given[name] = nil
    end
  end
  for _, binding in ipairs(set.list) do
    if given[binding.name] then list[#list + 1] = binding end
  end
  return list
end

local function must_read(changes)
  if changes.replace then return false end
  for _, name in ipairs(MERGED) do
    if changes.fields[name] then return true end
  end
  return changes.bindings ~= nil
end

-- ---- calls -------------------------------------------------------------------------------------

--- Reads the settings of a script.
---@async
---@param script table  the handle
---@return table settings
---@return integer requests
function M.get(script)
  local settings, _, requests = transport.call(script._client, endpoints.get_settings, nil, nil,
    script._namespace, script._segment)
  return settings, requests
end

local function patch(script, fields)
  local result, _, requests = transport.call(script._client, endpoints.patch_settings, nil,
    form.of_settings(encode.json(fields, WHO)), script._namespace, script._segment)
  return type(result) == "table" and result or {}, requests
end

-- What is sent to make the changes, and the requests it took to know it.
local function fields_of(script, changes)
  local fields, set = changes.fields, changes.bindings
  if not must_read(changes) then
    if set then fields.bindings = set.list end
    return fields, 0
  end
  local live, requests = M.get(script)
  for _, name in ipairs(MERGED) do
    if fields[name] then fields[name] = merge(live[name], fields[name]) end
  end
  fields.bindings = set and merge_bindings(live_bindings(script, live), set)
  return fields, requests, live
end

--- Changes settings of a script.
---@async
---@param script table  the handle
---@param given table
---@return table settings  all of them, after the change, and `requests`: how many it took
function M.patch(script, given)
  local fields, before = transport.prepare(fields_of, script, read_changes(given))
  local result, requests = transport.continue(before, patch, script, fields)
  result.requests = before + requests
  return result
end

--- Whether changes are live already. Values of secrets do not show: with one, nobody knows.
---@async
---@param script table  the handle
---@param given table  as for M.patch
---@return boolean is_live
---@return integer requests  how many it took
function M.is_live(script, given)
  local changes = read_changes(given)
  local fields, requests, live = fields_of(script, changes)
  if not compare.can_be_shown(fields) then return false, requests end
  if not live then live, requests = M.get(script) end
  return compare.is_patch(fields, live), requests
end

return M
