-- What each fault does to a request: a function of the call, the rule and the handler, which runs
-- the handler or not, answers or not. It returns what a handler returns.

local async = require "moonherd.async"
local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local lags = require "moonherd.platform.lag"
local lookup = require "moonherd.platform.lookup"

local GATEWAY_PAGE = [[
<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>cloudflare</center>
</body>
</html>
]]

local FOREVER = 3600 -- seconds, or until the client goes away
local HALF = 2

-- ---- answers ------------------------------------------------------------------------------------

-- 429, with or without Retry-After, the API's envelope or none.
local function rate_limited(call, rule)
  local seconds = rule.retry_after and ("%d"):format(math.ceil(rule.retry_after))
  local headers = { ["retry-after"] = seconds }
  if rule.body == nil or rule.body == "envelope" then
    errors.refuse(971, { headers = headers })
  end
  if rule.body == "empty" then
    return call:respond(429, headers, "")
  end
  call:respond_json(429, "null", headers)
end

local function bad_gateway(call)
  call:respond(502, { ["content-type"] = "text/html; charset=UTF-8" }, GATEWAY_PAGE)
end

-- A gateway's own JSON, which says in the body when to come again.
local function gateway_timeout(call, rule)
  local seconds = rule.retry_after or 120
  call:respond_json(504, json.encode {
    error = "Gateway time-out", code = 504, retryable = true, retry_after = seconds,
  })
end

-- A request that changes something is carried out, and its answer says that it was not.
local function carry_out(call, handler)
  if call.method ~= "GET" then
    handler(call)
  end
end

local function applied_error(call, rule, handler)
  carry_out(call, handler)
  errors.refuse(10013, { status = rule.status or 500 })
end

-- ---- connections --------------------------------------------------------------------------------

-- Reads about half of the body, so that a client is cut off in the middle of sending it.
local function read_half(call)
  local length = call.request.content_length or 0
  local left = length // HALF
  while left > 0 do
    local chunk = call.request:read(left)
    if not chunk then
      return
    end
    left = left - #chunk
  end
end

local HALF_AN_ANSWER = '{"success":true,"errors":[],"messa'

local RESETS = {
  before = function () end,
  body = read_half,
  after = carry_out,
  answer = function (call, handler)
    carry_out(call, handler)
    call:begin(200, { ["content-type"] = "application/json" }, HALF * #HALF_AN_ANSWER)
    call.request:write(HALF_AN_ANSWER)
  end,
}

-- The connection is reset: before the body is read, in its middle, after the request was carried
-- out, or in the middle of the answer.
local function reset(call, rule, handler)
  RESETS[rule.when or "before"](call, handler)
  call:reset()
end

-- Nothing comes back, and the connection stays open.
local function stall(call, rule, handler)
  if rule.when == "after" then
    carry_out(call, handler)
  end
  async.sleep(rule.seconds or FOREVER)
  call:reset()
end

-- ---- assets -------------------------------------------------------------------------------------

-- The token of an upload session is taken for one whose hour is over.
local function expired_token()
  errors.refuse(10000)
end

-- The answer that completes an upload brings no token.
local function no_completion_token(call, _, handler)
  local result, info = handler(call)
  return result and "{}", info
end

-- ---- time ---------------------------------------------------------------------------------------

local DEFAULT_LAG = 5 -- seconds

-- A change that GET script does not show at once.
local function lag(call, rule, handler)
  if not call.parameters.script then
    return handler(call)
  end
  local platform = call.platform
  platform.lag = platform.lag or lags.new()
  local before = lookup.document(call)
  local result, info = handler(call)
  platform.lag:keep(lookup.key(call), before, rule.seconds or DEFAULT_LAG)
  return result, info
end

-- ---- the table ----------------------------------------------------------------------------------

local function kind(act, ...)
  local moments = {}
  for _, moment in ipairs { ... } do
    moments[moment] = true
  end
  return { act = act, moments = moments }
end

return {
  rate_limited = kind(rate_limited),
  bad_gateway = kind(bad_gateway),
  gateway_timeout = kind(gateway_timeout),
  applied_error = kind(applied_error),
  reset = kind(reset, "before", "body", "after", "answer"),
  stall = kind(stall, "before", "after"),
  expired_token = kind(expired_token),
  no_completion_token = kind(no_completion_token),
  lag = kind(lag),
}
