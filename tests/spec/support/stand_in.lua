-- A server that stands in for the API: gives the answers a test has laid out, in order, and keeps
-- what it received, byte for byte.
local async = require "moonherd.async"
local cloudflare = require "moonherd.cloudflare"
local host = require "moonherd._host"
local json = require "moonherd.json"
local serve = require "moonherd.serve"

local M = {}

M.ACCOUNT = "0123456789abcdef0123456789abcdef"
M.TOKEN = "token-of-the-tests"

local StandIn = {}
StandIn.__index = StandIn

local ANSWER = '{"success":true,"errors":[],"messages":[],"result":%s}'

-- The answer when none is laid out: a success, with a list where the API has one.
local function default_answer(target)
  local is_list = target:find "/tags$" or target:find "/namespaces$"
  return { body = ANSWER:format(is_list and "[]" or '{"id":"x"}') }
end

local function read_all(request)
  local pieces = {}
  for piece in function () return request:read() end do pieces[#pieces + 1] = piece end
  return table.concat(pieces)
end

local function handle(self, request)
  self.requests[#self.requests + 1] = {
    method = request.method, target = request.target, headers = request.headers,
    body = read_all(request),
  }
  local answer = table.remove(self.answers, 1) or default_answer(request.target)
  if type(answer) == "function" then answer = answer(self:last()) end
  local headers = { ["content-type"] = "application/json" }
  for name, value in pairs(answer.headers or {}) do headers[name] = value end
  if answer.hold then
    self.held[#self.held + 1] = request
    return
  end
  if answer.cut then
    request:begin(answer.status or 200, headers, #answer.body + 1)
    request:write(answer.body)
    return request:close()
  end
  request:respond(answer.status or 200, headers, answer.body or "")
end

-- A client that goes away while it sends is what some tests are about.
local function serve_all(self)
  for request in function () return self._server:accept() end do
    local ok, err = async.try(handle, self, request)
    if not ok and err.reason ~= "client_gone" then error(err, 0) end
  end
end

--- Starts one. `close` it when the test is over.
function M.new()
  local server = serve.listen { host = "127.0.0.1", port = 0 }
  local self = setmetatable({ _server = server, requests = {}, answers = {}, held = {} }, StandIn)
  self.base = ("http://127.0.0.1:%d/client/v4"):format(server.port)
  self._task = async.spawn(serve_all, self)
  async.sleep(0) -- until it waits for a request: what is open then belongs to no test
  return self
end

--- A namespace of a client that is connected to it and to nothing else the host may say.
function StandIn:namespace()
  return M.without_host_options(function () return self:connect():namespace "prod" end)
end

--- A script of that namespace.
function StandIn:script()
  return self:namespace():script "shop"
end

--- Lays out the next answer: {status=, headers=, body=}, or a function of the request that gives
--- it; with `cut`, the connection breaks before its last byte; with `hold`, it comes when the
--- stand-in closes.
function StandIn:answer(answer)
  self.answers[#self.answers + 1] = answer
  return self
end

--- Lays out a success with a result.
function StandIn:succeed(result, more)
  local none = json.array {}
  local envelope = { success = true, errors = none, messages = none, result = result }
  for name, value in pairs(more or {}) do envelope[name] = value end
  return self:answer { body = json.encode(envelope) }
end

--- Lays out a failure with one entry.
function StandIn:fail(status, code, message)
  return self:answer { status = status, body = json.encode {
    success = false, errors = { { code = code, message = message or "no" } },
    messages = json.array {}, result = json.null,
  } }
end

--- The last request it received.
function StandIn:last()
  return self.requests[#self.requests]
end

function StandIn:close()
  for _, request in ipairs(self.held) do request:close() end
  self._server:close()
  self._task:wait()
end

--- A client of it, which sends everything once unless told otherwise.
function StandIn:connect(opts)
  local given = { base_url = self.base, account_id = M.ACCOUNT, api_token = M.TOKEN, retry = false }
  for name, value in pairs(opts or {}) do given[name] = value end
  return cloudflare.connect(given)
end

--- Calls a function as if moonherd had been started without options such as --target.
function M.without_host_options(f)
  local options = host.options
  host.options = {}
  local results = table.pack(pcall(f))
  host.options = options
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

return M
