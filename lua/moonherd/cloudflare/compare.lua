-- Compares what was sent with what is live. In doubt they differ: then the same is sent again.
local json = require "moonherd.json"

local M = {}

local SOURCE_MAP <const> = "application/source-map"

-- Members of an upload that say how to read it, or show elsewhere.
local IS_NO_STATE = {
  main_module = true, body_part = true, bindings = true, keep_bindings = true, keep_assets = true,
  tags = true, compatibility_flags = true, migrations = true,
}

-- What an upload resets when it does not name it.
local IS_RESET = {
  "compatibility_flags", "limits", "placement", "usage_model", "cache_options", "observability",
  "logpush", "tail_consumers",
}

-- ---- values ------------------------------------------------------------------------------------

local function is_nothing(value)
  return value == nil or value == json.null
end

-- Whether a value says no more than that there is none.
local function is_blank(value)
  if type(value) ~= "table" then
    return is_nothing(value) or value == false or value == "standard"
  end
  for _, member in pairs(value) do
    if not is_blank(member) then return false end
  end
  return true
end

-- Whether all that was sent is live; the API adds members of its own to objects.
local function covers(live, sent)
  if is_nothing(sent) then return is_blank(live) end
  if type(sent) ~= "table" then return live == sent end
  if type(live) ~= "table" then return false end
  if (json.is_array(sent) or sent[1] ~= nil) and #live ~= #sent then return false end
  for key, value in pairs(sent) do
    if not covers(live[key], value) then return false end
  end
  return true
end

--- Whether two lists hold the same strings.
---@param one? string[]
---@param other? string[]
---@return boolean
function M.is_same_set(one, other)
  local seen = {}
  for _, item in ipairs(is_nothing(one) and {} or one) do seen[item] = 1 end
  for _, item in ipairs(is_nothing(other) and {} or other) do
    if not seen[item] then return false end
    seen[item] = 2
  end
  for _, count in pairs(seen) do
    if count == 1 then return false end
  end
  return true
end

-- ---- code --------------------------------------------------------------------------------------

local function is_module(module, live)
  return live ~= nil and live.content == module.content
    and (live.type or ""):match "^[^;%s]*" == module.content_type:match "^[^;%s]*"
end

local function count(modules)
  local n = 0
  for _ in pairs(modules) do n = n + 1 end
  return n
end

-- In service-worker syntax the script comes back under a name of the API's, and alone.
local function is_script(modules, content)
  local live = content.body_part and content.modules[content.body_part]
  return live ~= nil and #modules == 1 and live.content == modules[1].content
end

--- Whether the live code is what was sent. Source maps are not read back.
---@param sent table  the metadata
---@param modules table[]  {name=, content=, content_type=}
---@param content table  as script:content gives it
---@return boolean
function M.is_code(sent, modules, content)
  if sent.body_part then return is_script(modules, content) end
  local seen = 0
  for _, module in ipairs(modules) do
    if module.content_type ~= SOURCE_MAP then
      if not is_module(module, content.modules[module.name]) then return false end
      seen = seen + 1
    end
  end
  return seen == count(content.modules) and (seen == 0 or content.main_module == sent.main_module)
end

-- ---- bindings ----------------------------------------------------------------------------------

local IS_SECRET = { secret_text = true, secret_key = true }

local function has_secret(list)
  for _, binding in ipairs(is_nothing(list) and {} or list) do
    if IS_SECRET[binding.type] then return true end
  end
  return false
end

-- Whether the live bindings are those that were sent, and others only of the types in `kept`.
local function are_bindings(sent, live, kept)
  local left = {}
  for _, binding in ipairs(is_nothing(live) and {} or live) do left[binding.name] = binding end
  for _, binding in ipairs(sent) do
    local found = left[binding.name]
    if not found or binding.type ~= "inherit" and not covers(found, binding) then return false end
    left[binding.name] = nil
  end
  local is_kept = {}
  for _, name in ipairs(kept or {}) do is_kept[name] = true end
  for _, binding in pairs(left) do
    if not is_kept[binding.type] then return false end
  end
  return true
end

-- ---- settings ----------------------------------------------------------------------------------

local function last_migration(sent)
  local migrations = sent.migrations
  return type(migrations) == "table" and migrations.new_tag or nil
end

--- Whether what is live can show that this was done: values of secrets and assets do not show,
--- but a migration happens once.
---@param sent table  the metadata
---@return boolean
function M.can_be_shown(sent)
  if not is_nothing(sent.migrations) then return last_migration(sent) ~= nil end
  return is_nothing(sent.assets) and not has_secret(sent.bindings)
end

local function are_members(sent, live)
  if last_migration(sent) and live.migration_tag ~= last_migration(sent) then return false end
  local is_once = last_migration(sent) ~= nil
  for name, value in pairs(sent) do
    local is_hidden = IS_NO_STATE[name] or is_once and name == "assets"
    if not is_hidden and not covers(live[name], value) then return false end
  end
  if sent.tags ~= nil and not M.is_same_set(sent.tags, live.tags) then return false end
  return sent.compatibility_flags == nil
    or M.is_same_set(sent.compatibility_flags, live.compatibility_flags)
end

-- A value of a secret does not show: its name and type have to do.
local function without_values(list)
  local copies = {}
  for i, binding in ipairs(is_nothing(list) and {} or list) do
    copies[i] = IS_SECRET[binding.type] and { name = binding.name, type = binding.type } or binding
  end
  return copies
end

--- Whether the live settings are those of an upload.
---@param sent table  the metadata
---@param live table  as script:settings gives them
---@return boolean
function M.is_upload(sent, live)
  for _, name in ipairs(IS_RESET) do
    if sent[name] == nil and not is_blank(live[name]) then return false end
  end
  return are_members(sent, live)
    and are_bindings(without_values(sent.bindings), live.bindings, sent.keep_bindings)
end

--- Whether the live settings are those of a change of settings.
---@param sent table
---@param live table  as script:settings gives them
---@return boolean
function M.is_patch(sent, live)
  return are_members(sent, live) and (sent.bindings == nil
    or are_bindings(without_values(sent.bindings), live.bindings))
end

return M
