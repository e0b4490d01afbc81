-- A platform of its own for a spec, reached by raw HTTP over a unix socket. The specs check what
-- travels: they share no code with the client.

local assert = require "luassert"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local http = require "moonherd.http"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local multipart = require "moonherd.multipart"
local platform = require "moonherd.platform"
local task = require "moonherd._task"

local M = {}

M.TOKEN = "token-of-the-platform-specs"
M.ACCOUNT = "0123456789abcdef0123456789abcdef"
M.NAMESPACES = "/client/v4/accounts/" .. M.ACCOUNT .. "/workers/dispatch/namespaces"
M.ESM = "application/javascript+module"
M.SOURCE = "export default { fetch() { return new Response('ok') } }\n"

local Server = {}
Server.__index = Server

local function temporary_directory()
  return ("/tmp/moonherd-spec-%s"):format(hash.hex(hash.random(8)))
end

-- Opens the platform on the directory and serves in a task.
local function listen(self)
  local is_listening, waiting = false, task.waitlist()
  local function on_listen()
    is_listening = true
    waiting:wake()
  end
  self.platform = platform.open(self.options)
  self.socket = self.directory .. ".sock"
  self.task = moonherd.spawn(self.platform.serve, self.platform,
    { unix = self.socket, on_listen = on_listen })
  while not is_listening do waiting:wait "the platform to listen" end
end

--- Starts a platform on a new state directory. `options` as for platform.open.
function M.start(options)
  local self = setmetatable({ directory = temporary_directory(), options = {} }, Server)
  for name, value in pairs(options or {}) do self.options[name] = value end
  self.options.state = self.options.state or self.directory
  self.options.token = self.options.token or M.TOKEN
  listen(self)
  return self
end

local function stop(self)
  self.task:cancel()
  pcall(self.task.wait, self.task)
  self.platform:close()
end

--- Ends the platform and starts it again on what it has written.
function Server:restart()
  stop(self)
  listen(self)
end

function Server:close()
  stop(self)
  if not fs.exists(self.directory) then return end
  for _, name in ipairs(fs.list(self.directory)) do fs.remove(self.directory .. "/" .. name) end
  fs.remove(self.directory)
end

-- ---- requests -----------------------------------------------------------------------------------

local function with_body(request, options)
  local headers = request.headers
  if options.json ~= nil then
    headers["content-type"], request.body = "application/json", json.encode(options.json)
  elseif options.form then
    request.body, headers["content-type"] = multipart.encode(options.form)
  else
    request.body = options.body
  end
  for name, value in pairs(options.headers or {}) do headers[name] = value or nil end
end

--- Sends one request to a path and returns the response; JSON bodies are decoded into `json`.
function Server:request(method, path, options)
  options = options or {}
  local request = {
    method = method,
    url = "http://localhost" .. path,
    unix_socket = self.socket,
    headers = { authorization = "Bearer " .. M.TOKEN },
  }
  with_body(request, options)
  local response = http.request(request)
  if response.headers["content-type"] == "application/json" then
    response.json = json.decode(response.body, { nulls = true })
    response.result = response.json ~= json.null and response.json.result or nil
  end
  return response
end

--- The same for a path below the namespaces of the account.
function Server:api(method, path, options)
  return self:request(method, M.NAMESPACES .. path, options)
end

--- Makes a namespace.
function Server:make_namespace(name)
  return M.ok(self:api("POST", "", { json = { name = name } }))
end

--- One part of a form.
function M.file(name, content, content_type)
  return { name = name, filename = name, content_type = content_type or M.ESM, content = content }
end

--- The form of an upload: metadata as wrangler sends it, and files.
function M.form(metadata, files)
  local text = type(metadata) == "string" and metadata or json.encode(metadata)
  local parts = { { name = "metadata", content = text } }
  return table.move(files or {}, 1, #(files or {}), 2, parts)
end

--- Uploads a module Worker: `metadata` (main_module is added), and the source or further files.
function Server:put(path, metadata, files, query)
  metadata, files = metadata or {}, files or { M.file("index.js", M.SOURCE) }
  if files[1] and metadata.main_module == nil and metadata.body_part == nil then
    metadata.main_module = files[1].name
  end
  return self:api("PUT", path .. (query or ""), { form = M.form(metadata, files) })
end

-- ---- what is expected ---------------------------------------------------------------------------

--- Expects a success and returns its result.
function M.ok(response)
  assert.equal(200, response.status, response.body)
  assert.is_true(response.json.success)
  assert.equal(0, #response.json.errors)
  return response.result
end

--- Expects a failure in the exact envelope, with this status and first code; returns its entries.
function M.refused(response, status, code)
  assert.equal(status, response.status, response.body)
  assert.equal("application/json", response.headers["content-type"])
  local envelope = response.json
  assert.is_false(envelope.success)
  assert.equal(json.null, envelope.result)
  assert.is_true(json.is_array(envelope.messages))
  assert.equal(code, envelope.errors[1].code, response.body)
  assert.equal("string", type(envelope.errors[1].message))
  return envelope.errors
end

return M
