-- A server on the loopback that answers as a target of moonherd doctor might, for doctor_checks.sh.
-- The last part of the base URL says how: …/date=-400/left=20 is 400 s behind and has 20 requests
-- left. It is a proxy, too: then the whole URL is asked for.
local serve = require "moonherd.serve"

local BODY = '{"success":true,"errors":[],"messages":[],"result":[{"namespace_name":"production"}]}'

local function headers_for(target)
  local skew, left = target:match "/date=(-?%d+)", target:match "/left=(%d+)"
  local headers = { ["content-type"] = "application/json" }
  if skew then
    local time = os.time() + math.tointeger(tonumber(skew))
    headers.date = os.date("!%a, %d %b %Y %H:%M:%S GMT", time)
  end
  if left then
    headers.ratelimit = ('"default";r=%d;t=30'):format(left)
    headers["ratelimit-policy"] = '"default";q=1200;w=300'
  end
  return headers
end

local server = serve.listen { port = 0 }
print(server.port)
io.stdout:flush()
for request in server.accept, server do request:respond(200, headers_for(request.target), BODY) end
