-- Bindings as scripts write them, turned into the list the API takes: by name or as a list, strings
-- as plain text, moonherd.inherit for what is live, secrets without a value as inherited ones.
-- Secret values are hidden from logs as soon as they are seen.
local errors = require "moonherd.error"
local inherit = require "moonherd.cloudflare.inherit"
local json = require "moonherd.json"
local log = require "moonherd._log"
local options = require "moonherd._options"

local M = {}

local WHO = "script:upload"
local Inherit = getmetatable(inherit)

-- What each type must have; "a|b": one of the two. Other fields pass: the API may know more than we
-- do.
local REQUIRED = {
  ai = {}, ai_search = { "instance_name" }, ai_search_namespace = { "namespace" },
  agent_memory = { "namespace" }, analytics_engine = { "dataset" }, artifacts = { "namespace" },
  assets = {}, browser = {}, d1 = { "database_id|id" }, data_blob = { "part" },
  dispatch_namespace = { "namespace" }, durable_object_namespace = {}, flagship = { "app_id" },
  hyperdrive = { "id" }, images = {}, inherit = {}, json = { "json" }, k2 = { "stream" },
  kv_namespace = { "namespace_id" }, logfwdr = { "destination" }, media = {},
  messaging = { "namespace" }, mtls_certificate = { "certificate_id" },
  pipelines = { "pipeline|stream" }, plain_text = { "text" }, queue = { "queue_name" },
  r2_bucket = { "bucket_name" }, ratelimit = { "namespace_id", "simple" },
  secret_key = { "algorithm", "format", "usages" }, secret_text = { "text" },
  secrets_store_secret = { "store_id", "secret_name" }, send_email = {}, service = { "service" },
  stream = {}, tail_consumer = { "service" }, text_blob = { "part" }, unsafe_hello_world = {},
  vectorize = { "index_name" }, version_metadata = {}, vpc_network = { "network_id|tunnel_id" },
  vpc_service = { "service_id" }, wasm_module = { "part" }, websearch = {}, worker_loader = {},
  workflow = { "workflow_name" },
}

-- Required fields that are not text.
local NOT_TEXT = { json = true, simple = true, algorithm = true, usages = true }

-- Never kept by type: written anew with the code, or known to wrangler alone.
local NOT_KEPT = {
  inherit = true, data_blob = true, text_blob = true, wasm_module = true, agent_memory = true,
  logfwdr = true, stream = true, unsafe_hello_world = true, websearch = true, worker_loader = true,
}

local TYPES, KEPT = {}, {}
for name in pairs(REQUIRED) do
  TYPES[#TYPES + 1] = name
  if not NOT_KEPT[name] then KEPT[#KEPT + 1] = name end
end
table.sort(TYPES)
table.sort(KEPT)

local function refuse(name, format, ...)
  errors.usage("%s: binding '%s': " .. format, WHO, name, ...)
end

-- ---- checks ------------------------------------------------------------------------------------

local function keys_of(binding)
  local keys = {}
  for key in pairs(binding) do
    if type(key) == "string" and key ~= "type" and key ~= "name" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

local function check_field(name, binding, wanted)
  local found
  for key in wanted:gmatch "[^|]+" do
    if binding[key] ~= nil then found = key end
  end
  if not found then
    local nearest = options.nearest(wanted, keys_of(binding))
    refuse(name, "%s is missing '%s'%s", binding.type, (wanted:gsub("|", "' or '")),
      nearest and (" (there is '%s')"):format(nearest) or "")
  end
  if not NOT_TEXT[found] and type(binding[found]) ~= "string" then
    refuse(name, "'%s' is a string, got %s", found, type(binding[found]))
  end
end

-- A type we do not know is a typing error when one we know is near, else something newer than us.
local function check_type(name, given)
  if type(given) ~= "string" then
    refuse(name, "'type' is missing; text alone would be a plain_text binding")
  end
  if REQUIRED[given] then return end
  local nearest = options.nearest(given, TYPES)
  if nearest then refuse(name, "unknown type '%s' (did you mean '%s'?)", given, nearest) end
  local text = "%s: binding '%s' has a type moonherd does not know: '%s'"
  log.write("warn", text:format(WHO, name, given))
end

-- ---- one binding -------------------------------------------------------------------------------

local PRIVATE_JWK = { "k", "d", "p", "q", "dp", "dq", "qi" }

local function hide_values(binding)
  if binding.type == "secret_text" then log.hide(binding.text) end
  if binding.type ~= "secret_key" then return end
  if type(binding.key_base64) == "string" then log.hide(binding.key_base64) end
  local jwk = type(binding.key_jwk) == "table" and binding.key_jwk or {}
  for _, field in ipairs(PRIVATE_JWK) do
    if type(jwk[field]) == "string" then log.hide(jwk[field]) end
  end
end

-- Secrets come back from the API without their value: sent so, they mean the one that is live.
local function is_valueless(binding)
  return binding.type == "secret_text" and binding.text == nil
    or binding.type == "secret_key" and binding.key_base64 == nil and binding.key_jwk == nil
end

local function of_table(name, given)
  check_type(name, given.type)
  if is_valueless(given) then return { type = "inherit", name = name } end
  local binding = {}
  for key, value in pairs(given) do binding[key] = value end
  binding.name = name
  for _, wanted in ipairs(REQUIRED[binding.type] or {}) do check_field(name, binding, wanted) end
  hide_values(binding)
  return binding
end

local function of_value(name, value)
  if type(value) == "string" then return { type = "plain_text", name = name, text = value } end
  if value == json.null then
    refuse(name, "null removes nothing from an upload; leave the binding out")
  end
  if type(value) ~= "table" then
    refuse(name, "a string or a table is expected, got %s; {type = \"json\", json = %s} binds it",
      type(value), tostring(value))
  end
  if getmetatable(value) == Inherit then return { type = "inherit", name = name } end
  return of_table(name, value)
end

-- ---- all of them -------------------------------------------------------------------------------

local function check_name(name)
  if type(name) == "string" and name ~= "" then return name end
  return errors.usage("%s: bad option 'bindings' (every binding needs a name, got %s)", WHO,
    name == "" and "an empty one" or type(name))
end

local function add(set, name, value)
  if set.seen[name] then refuse(name, "the name is given twice") end
  set.seen[name] = true
  set.list[#set.list + 1] = of_value(name, value)
  if getmetatable(value) == Inherit and value.default ~= nil then
    set.defaults[name] = of_value(name, value.default)
  end
end

local function add_list(set, given)
  for _, binding in ipairs(given) do
    if type(binding) ~= "table" then
      errors.usage("%s: bad option 'bindings' (a list holds tables, got %s)", WHO, type(binding))
    end
    add(set, check_name(binding.name), binding)
  end
end

local function add_named(set, given)
  local names = {}
  for name in pairs(given) do names[#names + 1] = check_name(name) end
  table.sort(names)
  for _, name in ipairs(names) do add(set, name, given[name]) end
end

--- Reads the option `bindings` of script:upload.
---@param given table  by name, a list, or moonherd.inherit for all that are live
---@return table set  {list=, defaults={name -> binding}, keep=types or nil}
function M.read(given)
  local set = { list = json.array {}, defaults = {}, seen = {} }
  if getmetatable(given) == Inherit then
    if given.default ~= nil then
      errors.usage("%s: bad option 'bindings' (all of them together have no default)", WHO)
    end
    set.keep = KEPT
  elseif given[1] ~= nil then
    add_list(set, given)
  else
    add_named(set, given)
  end
  return set
end

-- The binding an entry of a failure complains of: by the name in its text, else by its pointer.
local function culprit(set, entry)
  local name = (entry.message or ""):match "'([^']+)'"
  if name and set.seen[name] then return name end
  local pointer = type(entry.source) == "table" and tostring(entry.source.pointer) or ""
  local index = math.tointeger(tonumber(pointer:match "/bindings/(%d+)"))
  local binding = index and set.list[index + 1]
  return binding and binding.name
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
  for i, binding in ipairs(set.list) do
    if missing[binding.name] then set.list[i] = set.defaults[binding.name] end
  end
  for name in pairs(missing) do set.defaults[name] = nil end
  return next(missing) ~= nil
end

return M
