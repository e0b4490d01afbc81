-- A server that takes assets and keeps none: a session asks for all files, in buckets of 10 MB. Any
-- other request is read and answered with a completion token.
--   moonherd tests/bench/asset_server.lua
-- Prints its port once it listens.
local json = require "moonherd.json"
local moonherd = require "moonherd"
local serve = require "moonherd.serve"

local BUCKET <const> = 10000000
local TYPE <const> = { ["content-type"] = "application/json" }
local DONE <const> = '{"success":true,"errors":[],"result":{"jwt":"completion-token"}}'

local function pieces_of(request)
  return function () return request:read() end
end

local function session(request)
  local text = {}
  for piece in pieces_of(request) do text[#text + 1] = piece end
  local buckets, left = {}, 0
  for _, entry in pairs(json.decode(table.concat(text)).manifest) do
    if left <= 0 then buckets[#buckets + 1], left = json.array {}, BUCKET end
    table.insert(buckets[#buckets], entry.hash)
    left = left - entry.size
  end
  request:respond(200, TYPE, json.encode { success = true, errors = json.array {},
    messages = json.array {}, result = { jwt = "session-token", buckets = json.array(buckets) } })
end

local function handle(request)
  if request.target:find("session", 1, true) then return session(request) end
  for _ in pieces_of(request) do end
  request:respond(200, TYPE, DONE)
end

local server = serve.listen { host = "127.0.0.1", port = 0 }
print(server.port)
for request in function () return server:accept() end do moonherd.spawn(handle, request) end
