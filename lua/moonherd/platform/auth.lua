-- Who calls, and by which name. There is one credential: it is sent as a bearer token, as the key
-- that goes with any email address, or as a service key.

local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"

local M = {}

local function not_empty(header)
  return header ~= "" and header or nil
end

--- The bearer token of a request, nil without one.
function M.bearer(headers)
  return (headers.authorization or ""):match "^[Bb][Ee][Aa][Rr][Ee][Rr] +(%S+) *$"
end

--- The credential of a request: a token, a key with the email it goes with, or a service key; nil
--- when none is there in full.
function M.credential(headers)
  if headers.authorization then
    return M.bearer(headers)
  end
  local email, key = not_empty(headers["x-auth-email"]), not_empty(headers["x-auth-key"])
  if email and key then
    return key, email
  end
  return not_empty(headers["x-auth-user-service-key"])
end

--- The set of host names that callers may use: `names` and those of the loopback interface.
function M.hosts(names)
  local set = { localhost = true, ["127.0.0.1"] = true, ["::1"] = true }
  for _, name in ipairs(names) do
    set[name:lower()] = true
  end
  return set
end

--- Ends the call unless its Host header names one of `hosts`: a page in somebody's browser whose
--- name was made to point here must not get in.
function M.check_host(headers, hosts)
  local host = (headers.host or ""):lower()
  -- The port apart: one pattern for both takes time in the square of the length to fail.
  local name, port = host:match "^%[([^]]*)%](.*)$"
  if not name then
    name, port = host:match "^([^:]*)(.*)$"
  end
  if not (hosts[name] and port:find "^:?%d*$") then
    errors.refuse(10000, { status = 403, message = "This server has another host name" })
  end
end

--- Ends the call unless its headers hold `token`. Returns the email that was given, or nil.
function M.check(headers, token)
  local credential, email = M.credential(headers)
  if not credential then
    errors.refuse(9106)
  elseif not hash.equal(credential, token) then
    errors.refuse(10000)
  end
  return email
end

return M
