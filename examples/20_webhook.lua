-- 20_webhook.lua: receives webhooks, takes only those that are signed and fresh, and sends three.
--   moonherd run --target local examples/20_webhook.lua
local moonherd = require "moonherd"
local hash, http, time = moonherd.hash, moonherd.http, moonherd.time
local key = moonherd.secret(os.getenv "WEBHOOK_KEY" or "whsec_demo_51H8f")

local received = moonherd.channel(16)
local function signature(text) return hash.hex(hash.hmac_sha256(key:reveal(), text)) end

local function receive(request)
  local text = request:read_all()
  if not hash.equal(request.headers["x-signature"] or "", signature(text)) then
    return request:respond(401, {}, "the signature is wrong\n")
  end
  local event = moonherd.json.decode(text)
  if time.wall() - time.parse(event.at) > time.seconds "5m" then
    return request:respond(400, {}, "this is too old\n")
  end
  received:send(event)
  request:respond(202, {}, "taken\n")
end

local function send(server, text, signed)
  local options = { body = text, headers = { ["X-Signature"] = signed } }
  local answer = http.post(("http://127.0.0.1:%d/hook"):format(server.port), options)
  io.write(answer.status, " ", answer.body)
end

local function demo(server)
  local fresh = ('{"at":"%s","tenant":"acme"}'):format(time.format())
  local old = '{"at":"2026-01-01T00:00:00Z","tenant":"globex"}'
  for _, text in ipairs { fresh, old } do send(server, text, signature(text)) end
  send(server, fresh, "guessed")
  local event = { tenant = received:recv().tenant, key = key }
  print(key, moonherd.inspect(event))
  server:close()
end

moonherd.serve { handler = receive, on_listen = function (server) moonherd.spawn(demo, server) end }
