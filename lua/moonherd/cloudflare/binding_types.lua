-- The catalogue of binding types: what each must have, checked before anything is sent. Types and
-- fields that are not here pass: the API may know more than we do.
local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local options = require "moonherd._options"
local secret_value = require "moonherd.cloudflare.secret_value"

local M = {}

-- The fields of each type beside name and type. "a|b": one of the two; "?a": may be missing. Those
-- that may not are text unless NOT_TEXT says otherwise.
local FIELDS = {
  agent_memory = { "namespace" },
  ai = { "?staging", "?raw" },
  ai_search = { "instance_name", "?namespace" },
  ai_search_namespace = { "namespace" },
  analytics_engine = { "dataset" },
  artifacts = { "namespace" },
  assets = {},
  browser = { "?raw" },
  d1 = { "database_id|id" },
  data_blob = { "part" },
  dispatch_namespace = { "namespace", "?outbound" },
  durable_object_namespace = {
    "?class_name", "?script_name", "?environment", "?namespace_id", "?dispatch_namespace",
  },
  flagship = { "app_id" },
  hyperdrive = { "id" },
  images = { "?raw" },
  inherit = { "?old_name", "?version_id" },
  json = { "json" },
  k2 = { "stream" },
  kv_namespace = { "namespace_id" },
  logfwdr = { "destination" },
  media = {},
  messaging = { "namespace" },
  mtls_certificate = { "certificate_id" },
  pipelines = { "pipeline|stream" },
  plain_text = { "text" },
  queue = { "queue_name", "?delivery_delay" },
  r2_bucket = { "bucket_name", "?jurisdiction" },
  ratelimit = { "namespace_id", "simple" },
  secret_key = { "algorithm", "format", "usages", "?key_base64", "?key_jwk" },
  secret_text = { "text" },
  secrets_store_secret = { "store_id", "secret_name" },
  send_email = {
    "?destination_address", "?allowed_destination_addresses", "?allowed_sender_addresses",
  },
  service = {
    "service", "?environment", "?entrypoint", "?props", "?cross_account_grant",
  },
  stream = {},
  tail_consumer = { "service" },
  text_blob = { "part" },
  unsafe_hello_world = { "?enable_timer" },
  vectorize = { "index_name" },
  version_metadata = {},
  vpc_network = { "network_id|tunnel_id", "?identity" },
  vpc_service = { "service_id" },
  wasm_module = { "part" },
  websearch = {},
  worker_loader = {},
  workflow = { "workflow_name", "?class_name", "?script_name" },
}

-- Required fields that are not text.
local NOT_TEXT = { json = true, simple = true, algorithm = true, usages = true }

-- Never kept by type: written anew with the code, or known to wrangler alone.
local NOT_KEPT = {
  inherit = true, data_blob = true, text_blob = true, wasm_module = true, agent_memory = true,
  logfwdr = true, stream = true, unsafe_hello_world = true, websearch = true, worker_loader = true,
}

-- Variables and secrets: their values and their number are limited.
local IS_VARIABLE = { plain_text = true, json = true, secret_text = true, secret_key = true }

-- What wrangler's configuration and people call some types.
local NICKNAMES = {
  analytics = "analytics_engine", analytics_engine_dataset = "analytics_engine",
  d1_database = "d1", durable_object = "durable_object_namespace", kv = "kv_namespace",
  r2 = "r2_bucket", secret = "secret_text", text = "plain_text", var = "plain_text",
}

local TYPES, KEPT = {}, {}
for name in pairs(FIELDS) do
  TYPES[#TYPES + 1] = name
  if not NOT_KEPT[name] then KEPT[#KEPT + 1] = name end
end
table.sort(TYPES)
table.sort(KEPT)

--- Every type that can be kept by naming it in keep_bindings, in order.
M.KEPT = KEPT

--- Raises what is wrong with a binding.
---@param who string  the public name of the function
---@param name string  of the binding
---@param format string
---@param ... any  what it formats
function M.refuse(who, name, format, ...)
  errors.usage("%s: binding '%s': " .. format, who, name, ...)
end

local refuse = M.refuse

-- ---- fields ------------------------------------------------------------------------------------

local function keys_of(binding)
  local keys = {}
  for key in pairs(binding) do
    if type(key) == "string" and key ~= "type" and key ~= "name" then keys[#keys + 1] = key end
  end
  table.sort(keys)
  return keys
end

local function check_required(binding, wanted, who)
  local name, found = binding.name, nil
  for key in wanted:gmatch "[^|]+" do
    if binding[key] ~= nil then found = key end
  end
  if not found then
    local nearest = options.nearest(wanted, keys_of(binding))
    refuse(who, name, "%s is missing '%s'%s", binding.type, (wanted:gsub("|", "' or '")),
      nearest and (" (there is '%s')"):format(nearest) or "")
  end
  local value = binding[found]
  if NOT_TEXT[found] then return end
  if type(value) ~= "string" then
    refuse(who, name, "'%s' is a string, got %s", found,
      value == json.null and "null" or type(value))
  end
  if not utf8.len(value) then refuse(who, name, "'%s' is not UTF-8", found) end
  -- An id that is empty is mostly a variable of the environment that was not set.
  if value == "" and found ~= "text" then refuse(who, name, "'%s' is empty", found) end
end

-- A field that is not known is something newer than us, unless one that is known is near: the API
-- would drop it without a word. Ids are what reads may add.
local function check_unknown(binding, fields, who)
  local known, names = { name = true, type = true }, {}
  for _, field in ipairs(fields) do
    for name in field:gmatch "[^|?]+" do names[#names + 1], known[name] = name, true end
  end
  for name in pairs(binding) do
    local is_odd = not known[name] and not tostring(name):find "_id$"
    local nearest = is_odd and options.nearest(tostring(name), names)
    if nearest then
      refuse(who, binding.name, "unknown field '%s' (did you mean '%s'?)", name, nearest)
    end
  end
end

local function inherit_problem(binding)
  if binding.version_id ~= nil and binding.version_id ~= "latest" then
    return "'version_id' can be 'latest' only"
  end
  if binding.old_name ~= nil and type(binding.old_name) ~= "string" then
    return "'old_name' is a string"
  end
end

local function ratelimit_problem(binding)
  local simple = binding.simple
  if type(simple) ~= "table" or type(simple.limit) ~= "number"
    or type(simple.period) ~= "number" then
    return "'simple' is {limit = N, period = seconds}"
  end
end

local function kv_problem(binding)
  local length = #binding.namespace_id
  if length > 32 then
    return ("'namespace_id' has at most 32 characters, got %d"):format(length)
  end
end

local function network_problem(binding)
  if binding.network_id and binding.tunnel_id then
    return "'network_id' and 'tunnel_id' are two targets; give one"
  end
end

local function json_problem(binding)
  local ok, err = pcall(json.encode, binding.json)
  if not ok then return "'json' cannot be written as JSON: " .. err.message end
end

local FURTHER_PROBLEM = {
  inherit = inherit_problem,
  json = json_problem,
  kv_namespace = kv_problem, ratelimit = ratelimit_problem,
  secret_key = secret_value.key_problem, vpc_network = network_problem,
}

-- ---- whole bindings ----------------------------------------------------------------------------

--- Checks a type. One we do not know is a typing error when one we know is near, else something
--- newer than us.
---@param given any
---@param name string  of the binding
---@param who string
function M.check_type(given, name, who)
  if type(given) ~= "string" then
    refuse(who, name, "'type' is missing; text alone would be a plain_text binding")
  end
  if FIELDS[given] then return end
  local nearest = NICKNAMES[given] or options.nearest(given, TYPES)
  if nearest then refuse(who, name, "unknown type '%s' (did you mean '%s'?)", given, nearest) end
  local text = "%s: binding '%s' has a type moonherd does not know: '%s'"
  log.write("warn", text:format(who, name, given))
end

--- Checks the fields of a binding whose type is checked.
---@param binding table  with its name
---@param who string
---@error usage binding_too_large  for a value above 5 KB
function M.check(binding, who)
  local fields = FIELDS[binding.type] or {}
  for _, wanted in ipairs(fields) do
    if not wanted:find "^%?" then check_required(binding, wanted, who) end
  end
  check_unknown(binding, fields, who)
  local problem = FURTHER_PROBLEM[binding.type]
  local why = problem and problem(binding)
  if why then refuse(who, binding.name, "%s", why) end
  if IS_VARIABLE[binding.type] then secret_value.check_size(binding, who) end
end

-- Where the value is of those that may come without it, and what else people call it.
local VALUE_IS_IN = {
  secret_text = "'text'", secret_key = "'key_base64' or 'key_jwk'", wasm_module = "'part'",
  text_blob = "'part'", data_blob = "'part'",
}
local MISNOMERS = {
  value = true, secret = true, secret_text = true, secret_value = true, text = true, data = true,
  content = true, key = true, token = true, password = true,
}

--- Checks a binding without its value, which keeps the live one: a value under a wrong name would
--- be lost without a word. Where the name is a field, as the API lists bindings, fields that say
--- nothing to us may be newer than us.
---@param given table
---@param name string  of the binding
---@param who string
function M.check_valueless(given, name, who)
  local known = { type = true, name = true }
  for _, field in ipairs(FIELDS[given.type]) do known[field:gsub("^%?", "")] = true end
  for field, value in pairs(given) do
    if not known[field] and (given.name == nil or MISNOMERS[field]) then
      if type(value) == "string" then log.hide(value) end
      refuse(who, name, "unknown field '%s' (the value of a %s is in %s; without one the live "
        .. "value stays)", tostring(field), given.type, VALUE_IS_IN[given.type])
    end
  end
end

--- Whether bindings of a type can stay without being named.
---@param type_name string
---@return boolean
function M.can_be_kept(type_name)
  return FIELDS[type_name] ~= nil and type_name ~= "inherit"
end

--- Whether bindings of a type are variables or secrets, of which there is a limited number.
---@param type_name string
---@return boolean
function M.is_variable(type_name)
  return IS_VARIABLE[type_name] == true
end

--- Whether bindings of a type hold a value that the API never shows.
---@param type_name string
---@return boolean
function M.is_secret(type_name)
  return type_name == "secret_text" or type_name == "secret_key"
end

return M
