-- A credential that is refused again and again is not offered any more, but for one request a
-- minute: a run over thousands of scripts whose token was revoked ends soon, and costs others
-- nothing. A few refusals say little: a token may lack the permission for one thing only.
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local failures = require "moonherd.cloudflare.errors"
local log = require "moonherd._log"

local M = {}

local MOST <const> = 10 -- refusals in a row, without a success between them
local PAUSE <const> = 60 -- seconds

local function announce(client)
  local format = "account %s: the credential was refused %d times in a row; calls fail at once, "
    .. "but for one every %d s"
  log.write("error", format:format(client.account_id, MOST, PAUSE))
end

--- Takes down how a request with the client's credential ended.
---@param client table
---@param err? table  what it failed with
function M.note(client, err)
  if not err then client._refusals = nil end
  if not err or err.reason ~= "auth" then return end
  local refusals = client._refusals or { count = 0 }
  client._refusals = refusals
  refusals.count, refusals.last, refusals.at = refusals.count + 1, err, clock.now()
  if refusals.count == MOST then announce(client) end
end

--- Whether an error is of a call that was not sent for that.
---@param err table
---@return boolean
function M.is_refusal(err)
  return err.reason == "auth" and err.sent == false
end

--- Whether a call is not to be sent.
---@param client table
---@param endpoint table  its row
---@return table? err  what it fails with
function M.check(client, endpoint)
  local refusals = client._refusals
  if not refusals or refusals.count < MOST then return nil end
  local now = clock.now()
  if now - refusals.at >= PAUSE then
    refusals.at = now -- this one may try
    return nil
  end
  local last = refusals.last
  local err = errors.new {
    kind = "api", reason = "auth", code = last.code, status = last.status, errors = last.errors,
    hint = last.hint, retryable = false, sent = false,
    message = ("not sent: the credential was refused %d times in a row"):format(refusals.count),
  }
  failures.set_outcome(endpoint, err)
  return err
end

return M
