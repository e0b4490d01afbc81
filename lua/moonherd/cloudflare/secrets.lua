-- The secrets of a script, one at a time or several in one request. A value is hidden from logs
-- before anything else happens to it, and never comes back from the API.
local encode = require "moonherd.cloudflare.encode"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local names = require "moonherd.cloudflare.names"
local secret_value = require "moonherd.cloudflare.secret_value"
local transport = require "moonherd.cloudflare.transport"
local url = require "moonherd.cloudflare.url"

local M = {}

-- Secrets and variables together; the API has no smaller limit for one request.
local MOST = 128

local function call(script, endpoint, query, body, segment)
  return transport.call(script._client, endpoint, query, body, script._namespace, script._segment,
    segment)
end

-- The name as a segment of a path; the query tells the API when it differs from the name.
local function segment_of(name, who)
  local segment = url.encode(names.check(name, who, "a secret"))
  return segment, segment ~= name and "?url_encoded=true" or nil
end

--- Lists the secrets: what they are, not their values.
---@async
---@param script table  the handle
---@return table[] secrets
function M.list(script)
  return call(script, endpoints.list_secrets) or {}
end

--- What the API tells about one secret.
---@async
---@param script table  the handle
---@param name string
---@return table secret
function M.get(script, name)
  local segment, query = segment_of(name, "script:secret")
  return (call(script, endpoints.get_secret, query, nil, segment))
end

--- Deletes one secret.
---@async
---@param script table  the handle
---@param name string
function M.delete(script, name)
  local segment, query = segment_of(name, "script:delete_secret")
  call(script, endpoints.delete_secret, query, nil, segment)
end

--- Sets one secret.
---@async
---@param script table  the handle
---@param name string
---@param value string|table
---@return table secret  without its value
---@return integer requests
function M.put(script, name, value)
  local who = "script:put_secret"
  secret_value.hide(value)
  names.check(name, who, "a secret")
  local secret = secret_value.read(name, value, who)
  local result, _, requests = call(script, endpoints.put_secret, nil, encode.json(secret, who))
  return result, requests
end

-- ---- several -----------------------------------------------------------------------------------

local function read_all(values, who)
  local secrets, count = {}, 0
  for name, value in pairs(values) do
    names.check(name, who, "a secret")
    if value == json.null then
      secrets[name] = value
    else
      secrets[name], count = secret_value.read(name, value, who), count + 1
    end
  end
  if count > MOST then
    errors.raise {
      kind = "usage", reason = "too_many_bindings", hint = "a script has variables in this number",
      message = ("%s: %d secrets are too many; %d are the most"):format(who, count, MOST),
    }
  end
  return secrets
end

--- Sets and deletes several secrets in one request.
---@async
---@param script table  the handle
---@param values table  name = value, or moonherd.null
---@return table secrets  by name, without their values
function M.patch(script, values)
  local who = "script:put_secrets"
  if type(values) ~= "table" or values == json.null then
    errors.usage("%s: a table of values by name is expected, got %s", who, type(values))
  end
  for _, value in pairs(values) do secret_value.hide(value) end
  if next(values) == nil then errors.usage("%s: no secret is named", who) end
  local body = encode.json({ secrets = read_all(values, who) }, who)
  return (call(script, endpoints.patch_secrets, nil, body)) or {}
end

return M
