-- Clients that change what a platform holds, at random but by a seed, and compare what it shows
-- with what it has acknowledged. The scripts of tests/e2e and tests/long start the server, and say
-- when it is killed.
--
--   main.lua base=URL token=TEXT directory=STATE file=MODEL [seed=1] [clients=8]
--     [base=local]                   the platform in this process, on the same state directory
--     [first=1]                      the number of the first client: other numbers, other names
--     [seconds=S]                    stop by itself after so long
--     [pid=N signal=KILL after=N]    send the signal when so many changes were acknowledged
--     [reads=true]                   read between the changes, and send what is to be refused
--
-- First what is there is compared with MODEL, if there is such a file: of a change whose answer was
-- lost, the whole or nothing may be there. With neither seconds nor after that is all.

local fs = require "moonherd.fs"
local http_client = require "tests.traffic.client"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local platform = require "moonherd._platform"
local reads = require "tests.traffic.reads"
local shown = require "tests.traffic.shown"
local world = require "tests.traffic.world"

local options = { seed = "1", first = "1", clients = "8", after = "0", signal = "KILL" }
for _, text in ipairs(arg) do
  local name, value = text:match "^(%w+)=(.*)$"
  options[assert(name, "what is " .. text .. "?")] = value
end
local seed = math.tointeger(tonumber(options.seed))

local failures = 0
local function fail(format, ...)
  failures = failures + 1
  if failures <= 20 then print(format:format(...)) end
end

-- ---- comparing ---------------------------------------------------------------------------------

-- Takes what is there as the state, if it is one of those that may be there.
local function adopt(client, state)
  local found = world.describe(state)
  local expected, pending = world.describe(client.state), nil
  if client.pending then pending = world.describe(client.pending) end
  if found ~= expected and found ~= pending then
    fail("client %d\n  found    %s\n  expected %s\n  or       %s", client.number, found, expected,
      pending or "nothing else")
  end
  client.state, client.pending = state, nil
end

-- The script that all change, if it has been made.
local function find_shared(view, namespaces)
  local namespace = world.SHARED.namespace
  local list = namespaces[namespace] and view.client:result("/" .. namespace .. "/scripts")
  return list and list[1] and view:script(namespace, list[1].id)
end

local function compare(view, clients)
  local damage = view:damage()
  if damage then fail("the database is damaged: %s", damage) end
  local namespaces = view:namespaces()
  local everyone = find_shared(view, namespaces)
  for _, client in ipairs(clients) do
    local state = view:state(client, namespaces)
    state.shared = everyone and shown.share(client, everyone) or {}
    adopt(client, state)
  end
end

-- ---- changing ----------------------------------------------------------------------------------

local function make_shared(client)
  local namespace, script = world.SHARED.namespace, world.SHARED.script
  client:make { "POST", "", json = { name = namespace } }
  local path = ("/%s/scripts/%s"):format(namespace, script)
  local there = client:send("GET", http_client.NAMESPACES .. path)
  if there and there.status == 404 then
    -- Another process may have made it by now, and put secrets into it.
    client:make { "PUT", path,
      metadata = { main_module = "a.js", keep_bindings = { "secret_text" } },
      content = world.content "source-0-0-1" }
  end
end

local acknowledged, is_over = 0, false

local function count_acknowledged()
  acknowledged = acknowledged + 1
  if acknowledged == tonumber(options.after) then
    local delay = world.random(seed + 7)(30) / 1000
    os.execute(("{ sleep %.3f; kill -%s %s; } &"):format(delay, options.signal, options.pid))
  end
end

-- Makes one change; false when the server is gone.
local function change(client, http)
  local request, state = client:change()
  local response, is_last = http:make(request)
  if not response then
    client.pending = is_last and state or nil
    return false
  elseif options.signal == "TERM" and response.status == 503 then
    return false -- refused: it must not have been made
  elseif response.status ~= 200 then
    fail("%s %s: %d %s", request[1], request[2], response.status, response.body)
    client.pending = state
    return false
  end
  client.state = state
  count_acknowledged()
  return true
end

local function run(client, http, view)
  while not is_over and change(client, http) do
    if options.reads and not reads.one(client, http, view, fail) then break end
  end
end

local function change_until_over(clients, http, view)
  make_shared(http)
  moonherd.scope(function ()
    for _, client in ipairs(clients) do moonherd.spawn(run, client, http, view) end
    if options.seconds then
      moonherd.sleep(tonumber(options.seconds))
      is_over = true
    end
  end)
end

-- ---- the model ---------------------------------------------------------------------------------

local function read_clients()
  local models = fs.exists(options.file) and json.decode(fs.read(options.file)) or {}
  local clients = {}
  for number = 1, math.max(#models, tonumber(options.clients)) do
    local model = models[number] or {}
    clients[number] = world.new(number + tonumber(options.first) - 1, seed, model.state)
    clients[number].pending = model.pending
  end
  return clients
end

local function write_clients(clients)
  local models = {}
  for i, client in ipairs(clients) do
    models[i] = { state = client.state, pending = client.pending }
  end
  fs.write(options.file, json.encode(models))
end

local http
if options.base == "local" then
  local socket, token = platform.socket(options.directory)
  http = http_client.new("http://localhost/client/v4", token, socket)
else
  http = http_client.new(options.base, options.token)
end
local clients = read_clients()
local view = shown.open(http, options.directory)
compare(view, clients)
if failures == 0 and (options.seconds or options.after ~= "0") then
  change_until_over(clients, http, view)
  if options.seconds then compare(view, clients) end
end
view:close()
write_clients(clients)
print(("seed %d: %d changes acknowledged, %d failures"):format(seed, acknowledged, failures))
return failures == 0
