-- What clients send between their changes (world.lua): a script that must be as it was last
-- acknowledged, lists, and requests that must be refused.

local http_client = require "tests.traffic.client"
local world = require "tests.traffic.world"

local M = {}

local SCRIPT = http_client.NAMESPACES .. "/{namespace}/scripts/{script}"

-- method, path, expected status, body
local REQUESTS = {
  { "GET", http_client.NAMESPACES, 200 },
  { "GET", http_client.NAMESPACES .. "/{namespace}", 200 },
  { "GET", http_client.NAMESPACES .. "/{namespace}/scripts", 200 },
  { "GET", http_client.NAMESPACES .. "/{namespace}/scripts?tags=archived:no&limit=1", 200 },
  { "GET", http_client.NAMESPACES .. "/{namespace}/scripts?tags=archived", 400 },
  { "GET", SCRIPT, 200 },
  { "GET", SCRIPT .. "/bindings", 200 },
  { "GET", SCRIPT .. "/tags", 200 },
  { "GET", SCRIPT .. "/secrets", 200 },
  { "GET", SCRIPT .. "/secrets/NOT_THERE", 404 },
  { "GET", SCRIPT .. "-not-there", 404 },
  { "GET", http_client.NAMESPACES .. "-not-there", 404 },
  { "POST", http_client.NAMESPACES, 400, "{" },
  { "PUT", SCRIPT, 415, "{" },
  { "PUT", SCRIPT .. "/secrets", 400, '{"name":"X"}' },
  { "DELETE", SCRIPT .. "/bindings", 405 },
  { "GET", "/moonherd/requests?limit=3", 200 },
}

local function check_script(client, view, fail)
  local script, namespace, name = client:any_script()
  if not script then return end
  local found, expected = world.describe(view:script(namespace, name)), world.describe(script)
  if found ~= expected then
    fail("%s/%s\n  found    %s\n  expected %s", namespace, name, found, expected)
  end
end

--- Sends one of them; false when the server is gone.
function M.one(client, http, view, fail)
  local script, namespace, name = client:any_script()
  if not script then return true end
  local number = client.random(#REQUESTS + 4)
  if number > #REQUESTS then
    check_script(client, view, fail)
    return true
  end
  local method, path, status, body = table.unpack(REQUESTS[number])
  path = path:gsub("{(%w+)}", { namespace = namespace, script = name })
  local content_type = body and "application/json"
  local response = http:send(method, path, body, content_type)
  if response and response.status ~= status then
    fail("%s %s: %d, not %d: %s", method, path, response.status, status, response.body)
  end
  return response ~= nil
end

return M
