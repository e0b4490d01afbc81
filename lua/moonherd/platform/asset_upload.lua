-- Handlers that take the bytes of assets: many in a form, or one as the body. They are called with
-- the token of an upload session in the place of the credential.

local auth = require "moonherd.platform.auth"
local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local parts = require "moonherd.platform.parts"
local sinks = require "moonherd.platform.asset_sink"
local tokens = require "moonherd.platform.asset_tokens"

local M = {}

local PIECE = 64 * 1024 -- bytes of a part taken at once: what is converted without a thread

--- Ends the call unless it has the token of an upload session.
function M.authenticate(call)
  if not auth.credential(call.headers) then
    errors.refuse(9106)
  end
  local token, now = auth.bearer(call.headers), clock.wall()
  call.claims = token and tokens.read(call.platform.key, "upload", token, now)
  if not call.claims then
    errors.refuse(10000)
  end
end

-- The set of files that the call's session makes.
local function find_set(call)
  local claims = call.claims
  local set = claims.acc == call.parameters.account and call.store:find_asset_set(claims.sid)
  if not set then
    errors.refuse(10000)
  end
  return set
end

-- What is said when the request has been stored: the completion token, once nothing is missing.
local function answer(call, set, missing)
  if not missing then
    errors.refuse(10000) -- its namespace has just been deleted
  elseif missing > 0 then
    call.status = 202
    return "{}"
  end
  local now = clock.wall()
  call.store:keep_asset_set(set.id, now + tokens.KEPT)
  call.status = 201
  return ('{"jwt":"%s"}'):format(tokens.issue(call.platform.key, "completion", call.claims, now))
end

--- POST upload: a form with a part for each file, named by its hash.
function M.post_form(call)
  local set = find_set(call)
  local sink = sinks.new(call, set.id, call:query "base64" == "true")
  parts.read(call, sink, PIECE)
  if sink.count == 0 then
    errors.invalid "The upload has no files"
  end
  return answer(call, set, sink:flush())
end

--- POST upload/{hash}: one file as it is.
function M.post_file(call)
  local set = find_set(call)
  local sink = sinks.new(call, set.id, false)
  sink:begin(call.parameters.hash, call.headers["content-type"])
  for chunk in call:chunks(parts.BODY_LIMIT) do
    sink:add(chunk)
  end
  sink:finish()
  return answer(call, set, sink:flush())
end

return M
