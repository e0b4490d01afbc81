-- Values of secrets: text, or a key for Web Crypto. Hidden from everything that is logged before
-- they are looked at, so that no message about a wrong one can show it.
local encode = require "moonherd.cloudflare.encode"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local options = require "moonherd._options"
local secrets = require "moonherd.secret"

local M = {}

local LARGEST = 5 * 1024 -- bytes of a value
local PRIVATE_JWK = { "k", "d", "p", "q", "dp", "dq", "qi" }
local FORMATS = { "raw", "pkcs8", "spki", "jwk" }
local USAGES = {
  "encrypt", "decrypt", "sign", "verify", "deriveKey", "deriveBits", "wrapKey", "unwrapKey",
}
local KEY_FIELDS = { "algorithm", "format", "usages", "key_base64", "key_jwk" }

-- ---- hiding ------------------------------------------------------------------------------------

local function hide_text(value)
  if type(value) == "string" then log.hide(value) end
end

--- Hides what a value holds, whatever is wrong with it.
---@param value any  text, or a table with text, key_base64 or key_jwk
function M.hide(value)
  if type(value) ~= "table" then return hide_text(value) end
  hide_text(value.text)
  hide_text(value.key_base64)
  hide_text(value.key_jwk)
  if type(value.key_jwk) ~= "table" then return end
  for _, field in ipairs(PRIVATE_JWK) do hide_text(value.key_jwk[field]) end
end

-- ---- keys --------------------------------------------------------------------------------------

local function is_one_of(value, list)
  for _, each in ipairs(list) do
    if value == each then return true end
  end
  return false
end

local function format_problem(given)
  if is_one_of(given, FORMATS) then return nil end
  local got = type(given) == "string" and ("'%s'"):format(given) or type(given)
  return ("'format' is one of %s; got %s"):format(table.concat(FORMATS, ", "), got)
end

local function usages_problem(given)
  if type(given) ~= "table" or given[1] == nil then return "'usages' is a list of usages" end
  for _, usage in ipairs(given) do
    if not is_one_of(usage, USAGES) then
      return ("'usages' has %s%s"):format(type(usage) == "string" and usage or type(usage),
        options.suggestion(tostring(usage), USAGES, "usages"))
    end
  end
end

local function material_problem(key)
  local wanted, other = "key_base64", "key_jwk"
  if key.format == "jwk" then wanted, other = other, wanted end
  local kind = wanted == "key_jwk" and "table" or "string"
  if key[other] ~= nil then
    return ("a key in format %s has '%s', not '%s'"):format(key.format, wanted, other)
  end
  if type(key[wanted]) ~= kind or key[wanted] == "" then
    return ("a key in format %s needs '%s', a %s"):format(key.format, wanted, kind)
  end
end

--- What is wrong with a key; nil when it is right.
---@param key table  with algorithm, format, usages, and key_base64 or key_jwk
---@return string? why
function M.key_problem(key)
  if key.algorithm == nil then return "a key needs 'algorithm'" end
  return format_problem(key.format) or usages_problem(key.usages) or material_problem(key)
end

-- ---- whole secrets -----------------------------------------------------------------------------

-- The bytes of a value as the API counts them.
local function size_of(binding, who)
  local text = binding.text or binding.key_base64
  return #(text or encode.json(binding.key_jwk or binding.json, who))
end

--- What is wrong with a text; nil when it is right.
---@param text string
---@return string? why
function M.text_problem(text)
  if utf8.len(text) then return nil end
  return "the text is not UTF-8; bytes are kept as a key: {algorithm=, format = \"raw\", usages=, "
    .. "key_base64=}"
end

--- Refuses a value that the API would find too large.
---@param binding table  with its name
---@param who string
---@error usage binding_too_large  above 5 KB
function M.check_size(binding, who)
  local size = size_of(binding, who)
  if size <= LARGEST then return end
  errors.raise {
    kind = "usage", reason = "binding_too_large", hint = "keep larger values in KV or R2",
    message = ("%s: the value of '%s' has %d bytes; %d are the most"):format(who, binding.name,
      size, LARGEST),
  }
end

local function key_of(name, given, who)
  local secret = { type = "secret_key", name = name }
  for field, value in pairs(given) do
    if not is_one_of(field, KEY_FIELDS) then
      errors.usage("%s: secret '%s': unknown option '%s'%s", who, name, tostring(field),
        options.suggestion(tostring(field), KEY_FIELDS, "options"))
    end
    secret[field] = secrets.reveal(value)
  end
  local why = M.key_problem(secret)
  if why then errors.usage("%s: secret '%s': %s", who, name, why) end
  return secret
end

--- A secret as the API takes it.
---@param name string
---@param given any  text, or a key
---@param who string  the public name of the function
---@return table secret  with `name` and `type`
function M.read(name, given, who)
  M.hide(given)
  given = secrets.reveal(given)
  local secret
  if type(given) == "string" then
    local why = M.text_problem(given)
    if why then errors.usage("%s: secret '%s': %s", who, name, why) end
    secret = { type = "secret_text", name = name, text = given }
  elseif type(given) == "table" then
    secret = key_of(name, given, who)
  else
    errors.usage("%s: secret '%s' is text or a key (a table), got %s", who, name,
      given == json.null and "null" or type(given))
  end
  M.check_size(secret, who)
  return secret
end

return M
