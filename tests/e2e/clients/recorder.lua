-- Stands between a client and the platform, and takes down what both say:
--   moonherd run recorder.lua PORT_OF_THE_PLATFORM TOKEN_FILE RECORDING
-- Prints its own port. Ends when it is interrupted.
local fs = require "moonherd.fs"
local http = require "moonherd.http"
local moonherd = require "moonherd"
local recording = require "tests.spec.support.recording"

local upstream = "http://127.0.0.1:" .. arg[1]
local token = fs.read(arg[2]):match "%S+"
local recorder = recording.recorder(arg[3], token)

-- Headers that belong to one connection and not to the message.
local OWN = { ["transfer-encoding"] = true, ["content-length"] = true, connection = true,
  host = true, date = true, expect = true, ["accept-encoding"] = true }

local function forwarded(headers)
  local kept = {}
  for name, value in pairs(headers) do
    if not OWN[name] then kept[name] = value end
  end
  return kept
end

local function handle(request)
  local body = request:read_all()
  local response = http.request {
    method = request.method, url = upstream .. request.target,
    headers = forwarded(request.headers), body = body ~= "" and body or nil,
  }
  recorder:add({ method = request.method, target = request.target, headers = request.headers,
    body = body }, response)
  request:respond(response.status, forwarded(response.headers), response.body)
end

moonherd.serve {
  host = "127.0.0.1", port = 0, handler = handle,
  on_listen = function (server)
    print(server.port)
    io.stdout:flush()
  end,
}
