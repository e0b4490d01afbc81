-- Secret values at rest: sealed with the platform's key, each bound to its script and name, so that
-- a row copied elsewhere in the database opens nothing.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local log = require "moonherd._log"

local M = {}

-- Seconds. The platform has a value in hand when it is checked, and once more when it is sealed;
-- then it is gone from memory. A masker that kept each for ever would grow with every upload.
local KEPT <const> = 60

local PRIVATE_FIELDS = { "k", "d", "p", "q", "dp", "dq", "qi" } -- of a JSON Web Key

local function identity(tag, name)
  return string.pack("<s4s4", tag, name)
end

local function hide_string(value)
  if type(value) == "string" then
    log.hide(value, KEPT)
  end
end

--- Has the masker hide for a minute whatever of a value could turn up in a text; its fields may be
--- anything.
function M.hide(value)
  hide_string(value.text)
  hide_string(value.key_base64)
  local jwk = value.key_jwk
  hide_string(jwk)
  for _, field in ipairs(type(jwk) == "table" and PRIVATE_FIELDS or {}) do
    hide_string(jwk[field])
  end
end

--- Seals the value of secret `name` of the script with immutable id `tag`.
function M.seal(key, tag, name, value)
  M.hide(value)
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
