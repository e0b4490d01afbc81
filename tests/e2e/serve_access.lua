-- Half of serve_access.sh: every route of the platform, asked with the credentials it needs not.
--   serve_access.lua BASE TOKEN
local http = require "moonherd.http"
local json = require "moonherd.json"
local routes = require "moonherd.platform.routes"

local base, token = table.unpack(arg)
local root = base:gsub("/client/v4$", "")
local failures, count = 0, 0

local NAMES = { account = ("0"):rep(32), namespace = "n", script = "s", secret = "K", tag = "t",
  bucket = "b", hash = ("0"):rep(32) }

local function path_of(pattern)
  return (pattern:gsub("{(%w+)}", NAMES))
end

local function send(method, url, headers)
  return http.request { method = method, url = url, headers = headers }
end

-- No answer may invite pages of other origins, or say more than it has to.
local function check_headers(what, response)
  for name in pairs(response.headers) do
    if name:find "^access%-control" or name == "server" or name == "set-cookie" then
      failures = failures + 1
      print(("%s: has the header %s"):format(what, name))
    end
  end
end

local function expect(what, response, status, code)
  count = count + 1
  check_headers(what, response)
  local is_read, answer = pcall(json.decode, response.body)
  local got = is_read and answer.errors[1] and answer.errors[1].code
  if response.status ~= status or got ~= code then
    failures = failures + 1
    print(("%s: %d/%s, not %d/%s"):format(what, response.status, got, status, code))
  end
end

-- Where a token has no business to be, and what is not quite a credential.
local function odd_places(url)
  local joint = url:find "?" and "&" or "?"
  return {
    { url },
    { url .. joint .. "token=" .. token },
    { url .. joint .. "access_token=" .. token .. "&api_token=" .. token },
    { url, { cookie = "token=" .. token } },
    { url, { authorization = token } },
    { url, { authorization = "Basic " .. token } },
    { url, { authorization = "Bearer" } },
    { url, { authorization = "Bearer " .. token .. " more" } },
    { url, { ["proxy-authorization"] = "Bearer " .. token } },
    { url, { ["x-auth-key"] = token } },
    { url, { ["x-auth-email"] = token } },
    { url, { ["x-token"] = token } },
    { url, { referer = "http://x/" .. token } },
    { url, { ["user-agent"] = token } },
  }
end

local function rejected(url)
  return {
    { url, { authorization = "Bearer " .. token:sub(1, -2) } },
    { url, { authorization = "Bearer " .. token .. "x" } },
    { url, { authorization = "Bearer " .. token:upper() } },
    { url, { ["x-auth-email"] = "a@example.com", ["x-auth-key"] = "no" } },
    { url, { ["x-auth-user-service-key"] = "no" } },
  }
end

local function check_route(method, path, has_other_credential)
  for _, url in ipairs { base .. path, root .. path } do
    local what = method .. " " .. url:sub(#root + 1)
    for i, case in ipairs(odd_places(url)) do
      expect(("%s (odd place %d)"):format(what, i), send(method, table.unpack(case)), 400, 9106)
    end
    for i, case in ipairs(rejected(url)) do
      expect(("%s (wrong %d)"):format(what, i), send(method, table.unpack(case)), 401, 10000)
    end
    if has_other_credential then
      expect(what .. " (API token)", send(method, url, { authorization = "Bearer " .. token }),
        401, 10000)
    end
  end
end

for _, route in ipairs(routes) do
  local method, pattern, _, authenticate = table.unpack(route, 1, 4)
  check_route(method, path_of(pattern), authenticate ~= nil)
end
check_route("GET", "/nothing/here")
check_route("OPTIONS", path_of(routes[1][2]))

-- What a browser asks before it lets a page of another origin in.
for _, route in ipairs(routes) do
  local url = base .. path_of(route[2])
  local headers = { origin = "http://evil.example", ["access-control-request-method"] = route[1],
    ["access-control-request-headers"] = "authorization" }
  check_headers("OPTIONS " .. url, send("OPTIONS", url, headers))
  headers.authorization = "Bearer " .. token
  local response = send("OPTIONS", url, headers)
  check_headers("OPTIONS " .. url, response)
  if response.status < 400 then
    failures = failures + 1
    print("OPTIONS " .. url .. ": allowed")
  end
  check_headers("GET " .. url, send("GET", url, { origin = "null" }))
end

print(("%d requests were refused as they should, %d were not"):format(count - failures, failures))
return failures == 0
