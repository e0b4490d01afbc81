-- What an upload would change: what is live and what would be sent, compared. Pure: asks nobody,
-- sends nothing. An entry is {path=, change=, before=, after=}; `change` is add, remove, change or
-- keep. No value of a secret is ever in one.
local bindings_of = require "moonherd.cloudflare.bindings"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local types = require "moonherd.cloudflare.binding_types"

local M = {}

local A_VALUE, KEPT = "a value", "kept"

local function change_of(before, after)
  if before == nil then return "add" end
  if after == nil then return "remove" end
  return json.encode(before) == json.encode(after) and "keep" or "change"
end

-- ---- bindings ----------------------------------------------------------------------------------

-- A binding as it may be shown: without its name, a secret without everything.
local function shown(binding)
  if binding == nil then return nil end
  if types.is_secret(binding.type) then return A_VALUE end
  local copy = {}
  for field, value in pairs(binding) do copy[field] = value end
  copy.name = nil
  -- Databases are written with either name and read with one.
  if copy.type == "d1" and copy.database_id == nil then copy.database_id, copy.id = copy.id, nil end
  return copy
end

local function not_live(who, name)
  errors.raise {
    kind = "api", reason = "binding_not_found", retryable = false, errors = {},
    message = ("%s: nothing is live that binding '%s' could inherit"):format(who, name),
    hint = "give a value, or moonherd.inherit{default=…}",
  }
end

-- What the API fills in where an upload does not say it.
local FILLED = { durable_object_namespace = "namespace_id", ai_search = "namespace" }

local function fill(after, before)
  local field = FILLED[after.type]
  if field and type(before) == "table" and before.type == after.type and after[field] == nil then
    after[field] = before[field]
  end
end

-- What a binding of the request is after the upload: {binding=, is_kept=}; nil when it is left out.
local function resolve(binding, live, request, who)
  if binding.type ~= "inherit" then return { binding = binding } end
  local name, source = binding.name, binding.old_name or binding.name
  local default = request.bindings.defaults[name]
  if live[source] then
    return { binding = live[source], is_kept = source == name }
  elseif default then
    return { binding = default }
  end
  local is_strict = request.query ~= nil
  return is_strict and not_live(who, source) or nil
end

-- The bindings after the upload, by name.
local function outcome(live, request, who)
  local after = {}
  for _, binding in ipairs(request.bindings and request.bindings.list or {}) do
    after[binding.name] = resolve(binding, live, request, who)
  end
  local keeps = {}
  for _, kept in ipairs(request.fields.keep_bindings or {}) do keeps[kept] = true end
  for name, binding in pairs(live) do
    if keeps[binding.type] and not after[name] then
      after[name] = { binding = binding, is_kept = true }
    end
  end
  return after
end

local function binding_entry(name, old, new)
  local binding = new and new.binding or old
  local entry = { path = "bindings." .. name, type = binding.type, before = shown(old) }
  if new then entry.after = shown(new.binding) end
  if type(entry.after) == "table" then fill(entry.after, entry.before) end
  entry.change = change_of(entry.before, entry.after)
  if entry.after == A_VALUE and new.is_kept then
    entry.after = KEPT
  elseif entry.after == A_VALUE and entry.change == "keep" then
    entry.change = "change" -- nobody can tell whether the value is the one that is live
  end
  return entry
end

local RANK = { remove = 1, change = 2, add = 3, keep = 4 }

-- Those that vanish first; at the end those that stay, the secrets before the others.
local function compare_entries(a, b)
  local rank_a, rank_b = RANK[a.change], RANK[b.change]
  if rank_a ~= rank_b then return rank_a < rank_b end
  local is_secret = types.is_secret(a.type)
  if rank_a == RANK.keep and is_secret ~= types.is_secret(b.type) then return is_secret end
  return a.path < b.path
end

--- Compares bindings.
---@param live_list table[]  as script:bindings gives them
---@param request table  of upload_request
---@param who string  the public name of the function
---@return table[] entries  those that would vanish first; each has the binding's `type`
---@error api binding_not_found  when what shall be inherited is not live
function M.bindings(live_list, request, who)
  local live, entries = bindings_of.by_name(live_list), {}
  local after = outcome(live, request, who)
  for name, binding in pairs(live) do
    entries[#entries + 1] = binding_entry(name, binding, after[name])
  end
  for name, new in pairs(after) do
    if not live[name] then entries[#entries + 1] = binding_entry(name, nil, new) end
  end
  table.sort(entries, compare_entries)
  return entries
end

-- ---- settings ----------------------------------------------------------------------------------

-- What an upload that does not name them sets back.
local SETTINGS = {
  "compatibility_date", "compatibility_flags", "usage_model", "limits", "logpush", "observability",
  "placement", "tail_consumers", "streaming_tail_consumers", "cache_options", "exports",
}
local DEFAULTS = { usage_model = "standard", logpush = false, observability = { enabled = false } }
local NOT_SET = { ["placement.status"] = true, ["placement.last_analyzed_at"] = true }

-- What the API adds to what was sent.
local function is_added(value, path)
  return NOT_SET[path] or value == "created" and path:find "^exports%..*%.state$" ~= nil
end

-- The leaves of a setting by path; what is empty or null is none.
local function flatten(value, path, leaves)
  if value == nil or value == json.null or is_added(value, path) then return leaves end
  local is_table = type(value) == "table"
  if is_table and not json.is_array(value) then
    for name, member in pairs(value) do flatten(member, path .. "." .. name, leaves) end
  elseif not is_table or #value > 0 then
    leaves[path] = value
  end
  return leaves
end

local function value_of(fields, name)
  if fields[name] == nil then return DEFAULTS[name] end
  return fields[name]
end

local function add_setting(entries, live, fields, name)
  local old = flatten(value_of(live, name), name, {})
  local new = flatten(value_of(fields, name), name, {})
  local paths = {}
  for path in pairs(old) do paths[#paths + 1] = path end
  for path in pairs(new) do
    if old[path] == nil then paths[#paths + 1] = path end
  end
  table.sort(paths)
  for _, path in ipairs(paths) do
    local change = change_of(old[path], new[path])
    if change ~= "keep" then
      entries[#entries + 1] = {
        path = path, change = change, before = old[path], after = new[path],
        is_reset = fields[name] == nil or nil,
      }
    end
  end
end

--- Compares settings: an entry for each that differs.
---@param live table  as script:settings gives them; empty for a new script
---@param fields table  the metadata of the upload
---@return table[] entries  with `is_reset` when the upload does not name the setting
function M.settings(live, fields)
  local entries = {}
  for _, name in ipairs(SETTINGS) do add_setting(entries, live, fields, name) end
  return entries
end

--- Compares the tag of Durable Object migrations.
---@param live_tag? string
---@param fields table  the metadata of the upload
---@return table[] entries
function M.migrations(live_tag, fields)
  local new_tag = fields.migrations and fields.migrations.new_tag
  if not new_tag or new_tag == live_tag then return {} end
  local change = change_of(live_tag, new_tag)
  return { { path = "migration_tag", change = change, before = live_tag, after = new_tag } }
end

-- ---- code --------------------------------------------------------------------------------------

local SOURCE_MAP = "application/source-map" -- the API does not give them back

local function canonical(content_type)
  local bare = (content_type or ""):lower():match "^[^;%s]*"
  return (bare:gsub("^text/javascript", "application/javascript"))
end

local function module_shown(module)
  return module and { size = #module.content, type = module.content_type }
end

local function module_entry(name, old, new)
  local change = not old and "add" or not new and "remove" or "keep"
  if change == "keep" and (old.content ~= new.content
    or canonical(old.content_type) ~= canonical(new.content_type)) then
    change = "change"
  end
  return {
    path = "modules." .. name, change = change,
    before = module_shown(old), after = module_shown(new),
  }
end

-- The live modules; the API does not keep the name of a script in service-worker syntax.
local function live_modules(content, fields)
  local modules = {}
  for name, module in pairs(content.modules) do
    if name == content.body_part and fields.body_part then name = fields.body_part end
    modules[name] = { content = module.content, content_type = module.type }
  end
  return modules
end

--- Compares code, module by module; an upload without code leaves all as it is.
---@param content table  as script:content gives it
---@param request table  of upload_request
---@return table[] entries
function M.code(content, request)
  if #request.modules == 0 then return {} end
  local old, entries, names = live_modules(content, request.fields), {}, {}
  for _, module in ipairs(request.modules) do
    if canonical(module.content_type) ~= SOURCE_MAP then
      names[module.name] = true
      entries[#entries + 1] = module_entry(module.name, old[module.name], module)
    end
  end
  for name, module in pairs(old) do
    if not names[name] then entries[#entries + 1] = module_entry(name, module) end
  end
  table.sort(entries, function (a, b)
    if a.change ~= b.change then return RANK[a.change] < RANK[b.change] end
    return a.path < b.path
  end)
  local main, main_now = content.main_module, request.fields.main_module
  if main ~= main_now then
    table.insert(entries, 1, {
      path = "main_module", change = change_of(main, main_now), before = main, after = main_now,
    })
  end
  return entries
end

-- ---- tags and assets ---------------------------------------------------------------------------

--- Compares tags; their order does not count.
---@param live? string[]
---@param wanted? string[]  nil keeps them
---@return table[] entries  one at most
function M.tags(live, wanted)
  local before = live and live[1] and table.move(live, 1, #live, 1, {}) or nil
  local after = wanted and table.move(wanted, 1, #wanted, 1, {}) or before
  if after and after[1] == nil then after = nil end
  if before then table.sort(before) end
  if after then table.sort(after) end
  if not before and not after then return {} end
  return { { path = "tags", change = change_of(before, after), before = before, after = after } }
end

--- Compares assets, as far as it can be told without sending them.
---@param has_assets boolean  whether there are any now
---@param request table  of upload_request
---@return table[] entries  one at most
function M.assets(has_assets, request)
  local before, after = has_assets and "files" or nil, nil
  local given = request.assets
  if given and (given.dir or given.files or given.jwt) then
    after = "files of the upload"
  elseif given then
    after = before and "files, served as the upload says"
  elseif request.fields.keep_assets then
    after = before
  end
  if not before and not after then return {} end
  return { { path = "assets", change = change_of(before, after), before = before, after = after } }
end

return M
