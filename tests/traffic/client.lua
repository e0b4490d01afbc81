-- Sends what world.lua asks for, over nothing but HTTP: no code is shared with the client of the
-- product.

local hash = require "moonherd.hash"
local http = require "moonherd.http"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local multipart = require "moonherd.multipart"
local world = require "tests.traffic.world"

local M = {}

local Client = {}
Client.__index = Client

M.ACCOUNT = ("0"):rep(32)
local ACCOUNT_PATH = "/accounts/" .. M.ACCOUNT
M.NAMESPACES = ACCOUNT_PATH .. "/workers/dispatch/namespaces"

-- What a call ends with when the server is stopped or killed.
local GONE = { connect_failed = true, connection_reset = true, send_failed = true }

--- Makes a client of the API at `base`, which may be reached by a unix socket.
function M.new(base, token, socket)
  return setmetatable({ base = base, token = token, socket = socket }, Client)
end

--- Sends a request; returns the response, or nil when the server is gone.
function Client:send(method, path, body, content_type, token)
  local response, failure = moonherd.try(http.request, {
    method = method, url = self.base .. path, unix_socket = self.socket, body = body, timeout = 60,
    headers = {
      authorization = "Bearer " .. (token or self.token),
      ["content-type"] = content_type,
    },
  })
  if response or GONE[failure.reason] then return response end
  error(failure, 0)
end

--- Reads below the namespaces; the result must be there.
function Client:result(path)
  local response = assert(self:send("GET", M.NAMESPACES .. path), "the server is gone")
  if response.status ~= 200 then
    error(("GET %s: %d %s"):format(path, response.status, response.body), 0)
  end
  return json.decode(response.body).result
end

local function form(name, value, content)
  local parts = { { name = name, content = json.encode(value), content_type = "application/json" } }
  if content then
    parts[2] = { name = "a.js", filename = "a.js", content = content,
      content_type = "application/javascript+module" }
  end
  return multipart.encode(parts)
end

local function digest_of(text)
  return hash.sha256(text):sub(1, 32)
end

-- Uploads the files of a manifest; returns the completion token, or nil and what was answered.
local function upload_assets(self, path, files)
  local manifest, by_digest = {}, {}
  for name, text in pairs(files) do
    local bytes = world.content(text)
    manifest[name] = { hash = digest_of(bytes), size = #bytes }
    by_digest[digest_of(bytes)] = bytes
  end
  local response = self:send("POST", M.NAMESPACES .. path .. "/assets-upload-session",
    json.encode { manifest = manifest }, "application/json")
  if not response or response.status ~= 200 then return nil, response end
  local session = json.decode(response.body).result
  if not session.buckets[1] then return session.jwt end
  local parts = {}
  for _, digest in ipairs(session.buckets[1]) do
    parts[#parts + 1] = { name = digest, content = by_digest[digest], content_type = "text/plain" }
  end
  local body, content_type = multipart.encode(parts)
  response = self:send("POST", ACCOUNT_PATH .. "/workers/assets/upload", body, content_type,
    session.jwt)
  if not response or response.status ~= 201 then return nil, response end
  return json.decode(response.body).result.jwt
end

--- Makes a change of world.lua. Returns the last response, nil when the server is gone, and whether
--- it answers the change itself, not a step before it.
function Client:make(request)
  local method, path = request[1], request[2]
  local body, content_type
  if request.assets then
    local token, response = upload_assets(self, path, request.assets)
    if not token then return response, false end
    request.metadata.assets = { jwt = token }
  end
  if request.metadata then
    if not request.metadata.tags or not request.metadata.tags[1] then
      request.metadata.tags = request.metadata.tags and json.array {}
    end
    body, content_type = form("metadata", request.metadata, request.content)
  elseif request.settings then
    body, content_type = form("settings", request.settings)
  elseif request.json then
    body = json.encode(request.is_list and json.array(request.json) or request.json)
    content_type = "application/json"
  end
  return self:send(method, M.NAMESPACES .. path, body, content_type), true
end

return M
