-- The HTTP client as scripts use it: a task for each request, 64 at once, the answer decoded.
--   moonherd run tests/bench/http_calls.lua URL REQUESTS [UNIX_SOCKET]
-- Prints the CPU time of the process per request, in microseconds.
local moonherd = require "moonherd"
local http, json = moonherd.http, moonherd.json

local url, requests, unix_socket = arg[1], tonumber(arg[2]), arg[3]
local started = 0

local function one()
  local response = http.request { url = url, unix_socket = unix_socket }
  assert(json.decode(response.body).result.size == 48213)
end

-- Each of the 64 starts a task for a request, waits for it, and starts the next.
local function chain()
  while started < requests do
    started = started + 1
    moonherd.spawn(one):wait()
  end
end

local function run()
  local tasks = {}
  for i = 1, 64 do tasks[i] = moonherd.spawn(chain) end
  for i = 1, 64 do tasks[i]:wait() end
end

run() -- once to warm up: connections, easy handles
started = 0
local cpu = os.clock()
run()
print(("%.1f us CPU per request"):format((os.clock() - cpu) * 1e6 / requests))
