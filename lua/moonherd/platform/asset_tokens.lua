-- The tokens of asset uploads: JSON Web Tokens signed with a key of the state directory. One kind
-- opens the upload of a session, the other says that all files of its manifest are there.
--
-- A token is worth nothing without its signature, so that is what the masker hides.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local log = require "moonherd._log"

local M = {}

M.LIFETIME = 3600 -- seconds
M.KEPT = M.LIFETIME + 60 -- seconds that what a token names stays: a request may take its time

local HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9" -- {"alg":"HS256","typ":"JWT"}
local PURPOSE = "asset tokens" -- what the platform's key is used for nowhere else
local LONGEST = 8192 -- bytes; one of ours has a name of at most 255 in it

local function sign(platform_key, text)
  local key = hash.hmac_sha256(platform_key, PURPOSE)
  return hash.base64url(hash.hmac_sha256(key, text))
end

--- Makes a token of a kind, "upload" or "completion". `scope` holds what it is good for: acc, ns,
--- script and sid. `now` is the wall clock.
function M.issue(platform_key, kind, scope, now)
  local issued = math.floor(now)
  local payload = json.encode {
    kind = kind,
    iat = issued,
    exp = issued + M.LIFETIME,
    acc = scope.acc,
    ns = scope.ns,
    script = scope.script,
    sid = scope.sid,
  }
  local text = HEADER .. "." .. hash.base64url(payload)
  local signature = sign(platform_key, text)
  log.hide(signature, M.KEPT)
  return text .. "." .. signature
end

--- The payload of a token of this kind that is ours and not over; otherwise nil.
function M.read(platform_key, kind, token, now)
  if #token > LONGEST then
    return nil
  end
  local text, payload, signature = token:match "^([%w_-]+%.([%w_-]+))%.([%w_-]+)$"
  if not text or not hash.equal(signature, sign(platform_key, text)) then
    return nil
  end
  log.hide(signature, M.KEPT)
  local claims = json.decode(hash.unbase64url(payload))
  return claims.kind == kind and now < claims.exp and claims or nil
end

return M
