-- Secret values at rest: sealed with the platform's key, each bound to its script and name, so that
-- a row copied elsewhere in the database opens nothing.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local log = require "moonherd._log"

local M = {}

local PRIVATE_FIELDS = { "k", "d", "p", "q", "dp", "dq", "qi" } -- of a JSON Web Key

local function identity(tag, name)
  return string.pack("<s4s4", tag, name)
end

-- Has the masker hide whatever of a value could turn up in a text.
local function hide(value)
  log.hide(value.text or value.key_base64 or "")
  for _, field in ipairs(PRIVATE_FIELDS) do
    local member = value.key_jwk and value.key_jwk[field]
    if type(member) == "string" then
      log.hide(member)
    end
  end
end
M.hide = hide

--- Seals the value of secret `name` of the script with immutable id `tag`.
function M.seal(key, tag, name, value)
  hide(value)
  return hash.seal(key, json.encode(value), identity(tag, name))
end

--- Seals a value again under another name.
function M.rename(key, tag, sealed, old_name, new_name)
  local text = hash.open(key, sealed, identity(tag, old_name))
  if not text then
    error(("the value of secret '%s' cannot be opened with platform.key"):format(old_name), 0)
  end
  return hash.seal(key, text, identity(tag, new_name))
end

return M
