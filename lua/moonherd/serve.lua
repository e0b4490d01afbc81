-- An HTTP server. `moonherd.serve`, which is `run` here, answers each request in a task of its own;
-- `serve.listen` gives the pieces it is made of. HTTP/1.1 and 1.0, no TLS.
--
-- What the server does by itself: keep-alive, pipelining, chunked bodies, "100 Continue", Date and
-- Content-Length, the limits of `serve.listen`. A handler that fails, or ends without an answer,
-- gives an empty 500. Malformed requests do not reach a handler: they are answered with 400 or not
-- at all, and the connection is closed.
local async = require "moonherd.async"
local core = require "moonherd._serve"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local raw_errors = require "moonherd._error"
local task = require "moonherd._task"

local M = {}

--- A server that listens: what serve.listen returns, and `on_listen` is given.
---@class server
---@field port integer  the number of the TCP port; 0 for a unix socket
local Server = core.Server

--- One request and its answer: what server:accept returns, and a handler is given.
---@class request
---@field method string  in capitals, as it was sent
---@field target string  as it was sent: path and query, nothing decoded
---@field headers table<string, string>  names in lower case, repeated ones joined
---@field content_length? integer  bytes; nil when the client does not say
---@field too_large? string  "headers" or "body", when they are over their limit
local Request = core.Request
local server, request = core.server, core.request

-- The bindings return nil and an error object for what the world does.
local function checked(value, err)
  if err ~= nil then error(err, 0) end
  return value
end

-- ---- servers -----------------------------------------------------------------------------------

--- Listens for HTTP requests on a TCP port or a unix socket. The server is closed by
--- `server:close()` or by the end of its `<close>` variable.
---
--- A request whose headers or body are over their limit reaches the handler all the same, with
--- `too_large` set, so that it can answer with an error of its own; its body cannot be read, and
--- the connection closes behind the answer. Headers some 12 KiB over their limit do not get there.
---@param options? table  where to listen, and limits
---@field options.host? string  an IPv4 or IPv6 address, or "localhost"; default "127.0.0.1"
---@field options.port? integer  default 0: the system chooses one, see `server.port`
---@field options.unix? string  the path of a unix socket, instead of host and port; only the owner
--- may connect to it; it is removed when the server closes
---@field options.header_limit? integer  bytes of the request line and headers; default 32768
---@field options.body_limit? integer  bytes of a body; default 104857600
---@field options.max_connections? integer  how many may be open at once, further ones wait until
---  one of
--- them closes; default 1024
---@field options.header_timeout? duration  for a request's headers to arrive; default 10
---@field options.idle_timeout? duration  until the next request on a connection; default 60
---@field options.stall_timeout? duration  for a client that sends no body, or reads no
--- answer; default 30
---@field options.min_rate? integer  bytes a second that a body must bring within each
--- stall_timeout; default 240
---@return server server
---@error io address_in_use, permission, bad_address, path_too_long, cannot_listen  when it cannot
---@example
--- local server <close> = serve.listen { port = 0 }
--- print(server.port > 0)
function M.listen(options)
  return checked(core.listen(options, "serve.listen"))
end

--- Waits for the next request.
---@async
---@return request? request  nil when the server has been closed
---@error usage usage  while another task waits for a request
---@example
--- local server <close> = serve.listen()
--- local task = moonherd.spawn(function ()
---   for request in server.accept, server do request:respond(200, {}, "hello") end
--- end)
--- print(moonherd.http.get("http://127.0.0.1:" .. server.port).body)
--- task:cancel()
function Server:accept()
  return checked(server.accept(self))
end

--- Accepts no more requests, closes idle connections, and waits until those under way have been
--- answered. Requests that nobody has accepted get an empty 503.
---@async
---@error cancelled cancelled  when the task is cancelled meanwhile; it stays closed
---@example
--- local server = serve.listen()
--- server:close()
--- print(server:accept())     --> nil
function Server:close()
  server.close(self)
end

--- Closes the server and all its connections at once.
---@error none
---@example
--- local server = serve.listen()
--- server:abort()
function Server:abort()
  server.abort(self)
end

methods.guard("moonherd.serve.server", "server", Server)

-- ---- requests ----------------------------------------------------------------------------------

local function check_integer(who, what, value)
  if value ~= nil and math.type(value) ~= "integer" then
    errors.usage("%s: bad %s (integer expected, got %s)", who, what, type(value))
  end
end

--- Reads from the body: what has arrived, up to `max` bytes. While nobody reads, the client is held
--- back. A body that is over the limit raises.
---@async
---@param max? integer  bytes; default what is there
---@return string? bytes  nil at the end of the body
---@error http too_large  the headers or the body are over their limit; an answer can be given
---@error http client_gone  the client has closed the connection
---@error http client_slow  the client has sent too little for too long
---@example
--- moonherd.serve { handler = function (request)
---   local first = request:read(4)
---   request:respond(200, {}, first == "\x89PNG" and "an image" or "something else")
--- end }
function Request:read(max)
  check_integer("request:read", "size", max)
  return checked(request.read(self, max))
end

--- Iterates over the body as it arrives.
---@param max? integer  bytes of a piece at most; default what is there
---@return function next  for a generic `for`; it waits, and raises what `request:read` does
---@error none
---@example
--- moonherd.serve { handler = function (request)
---   local size = 0
---   for bytes in request:chunks() do size = size + #bytes end
---   request:respond(200, {}, ("%d bytes"):format(size))
--- end }
function Request:chunks(max)
  return function () return self:read(max) end
end

--- Reads all that is left of the body.
---@async
---@return string body
---@error http too_large  as for request:read; also client_gone, client_slow
---@example
--- moonherd.serve { handler = function (request)
---   request:respond(200, {}, request:read_all():upper())
--- end }
function Request:read_all()
  local pieces = {}
  for bytes in self:chunks() do pieces[#pieces + 1] = bytes end
  return table.concat(pieces)
end

--- Answers the request. Content-Length and Date are added; Content-Length, Transfer-Encoding and
--- Connection (but for "close") in `headers` are ignored. An answer that comes before the body has
--- arrived closes the connection.
---@param status integer  200 to 599
---@param headers? table  name to text, number or, for a header sent several times, a list of texts
---@param body? string|string[]  the pieces of a list are sent one after the other, without being
--- copied together
---@error http client_gone  nobody is there to read it
---@error usage usage  it has been answered already
---@example
--- moonherd.serve { handler = function (request)
---   request:respond(200, { ["content-type"] = "text/plain" }, { "hello ", request.target, "\n" })
--- end }
function Request:respond(status, headers, body)
  check_integer("request:respond", "status", status or false)
  checked(request.respond(self, status, headers, body))
end

--- Begins an answer whose body is written piece by piece. What is left of the request's body is
--- dropped first.
---@param status integer  200 to 599
---@param headers? table  as for `request:respond`
---@param length? integer  the number of bytes that will be written; default: unknown
---@error http client_gone  nobody is there to read it
---@error usage usage  it has been answered already
---@example
--- moonherd.serve { handler = function (request)
---   request:begin(200, { ["content-type"] = "text/plain" })
---   for i = 1, 10 do request:write(i .. "\n") end
---   request:finish()
--- end }
function Request:begin(status, headers, length)
  check_integer("request:begin", "status", status or false)
  check_integer("request:begin", "length", length)
  checked(request.begin(self, status, headers, length))
end

--- Writes a piece of an answer that has begun; waits while the client is far behind.
---@async
---@param bytes string  the piece
---@error http client_gone  nobody is there to read it
---@error http client_slow  the client has read nothing for too long
---@example
--- moonherd.serve { handler = function (request)
---   request:begin(200)
---   for i = 1, 3 do request:write(("line %d\n"):format(i)) end
---   request:finish()
--- end }
function Request:write(bytes)
  if type(bytes) ~= "string" then
    errors.usage("request:write: bad bytes (string expected, got %s)", type(bytes))
  end
  checked(request.write(self, bytes))
end

--- Ends an answer that has begun. One that is never finished is cut off, so that the client does
--- not take it for the whole.
---@error http client_gone  nobody is there to read it
---@error usage usage  less has been written than was announced
---@example
--- moonherd.serve { handler = function (request)
---   request:begin(200, {}, 5)
---   request:write "hello"
---   request:finish()
--- end }
function Request:finish()
  checked(request.finish(self))
end

--- Ties the current task to the request: it is cancelled when the client goes away before it has
--- been answered. `moonherd.serve` does this for its handlers.
---@error usage usage  outside of any task
---@example
--- local server <close> = serve.listen { port = 0 }
--- moonherd.spawn(function ()
---   local request = server:accept()
---   if request then request:tie() request:respond(200, {}, "hello") end
--- end)
--- print(moonherd.http.get("http://127.0.0.1:" .. server.port).body) --> hello
function Request:tie()
  request.tie(self)
end

--- Says that nothing more will be done with the request. Unanswered, its client gets an empty 500.
---@error none
---@example
--- moonherd.serve { handler = function (taken)
---   local request <close> = taken
---   request:respond(200, {}, "hello")
--- end }
function Request:close()
  request.close(self)
end

--- Cuts the connection: the client sees it reset, whatever it has sent and got so far. For servers
--- that stand in for others, to test what their clients make of it.
---@error none
---@example
--- moonherd.serve { handler = function (request)
---   if request.target == "/reset" then return request:reset() end
---   request:respond(200, {}, "fine")
--- end }
function Request:reset()
  request.close(self, true)
end

methods.guard("moonherd.serve.request", "request", Request)

-- ---- running -----------------------------------------------------------------------------------

local function with_trace(err)
  return raw_errors.wrap(err)
end

-- One request, in its own task. A handler that was cancelled has nothing to say; any other failure
-- is reported and ends nothing else.
local function handle(handler, taken)
  local accepted <close> = taken
  accepted:tie()
  local ok, err = xpcall(handler, with_trace, accepted)
  if ok then return end
  accepted:close()
  if err.kind ~= "cancelled" and err.reason ~= "client_gone" then raw_errors.report(err) end
end

local function at_end(f)
  return setmetatable({}, { __close = f })
end

local OWN = { handler = true, on_listen = true, drain = true }

local function check_callable(name, value)
  if type(value) == "function" then return end
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.__call then return end
  errors.usage("moonherd.serve: bad option '%s' (function expected, got %s)", name, type(value))
end

local function listen_options(options)
  if type(options) ~= "table" then
    errors.usage("moonherd.serve: bad options (table expected, got %s)", type(options))
  end
  check_callable("handler", options.handler)
  if options.on_listen ~= nil then check_callable("on_listen", options.on_listen) end
  if options.drain ~= nil and type(options.drain) ~= "boolean" then
    errors.usage("moonherd.serve: bad option 'drain' (boolean expected, got %s)",
      type(options.drain))
  end
  local rest = {}
  for name, value in pairs(options) do
    if not OWN[name] then rest[name] = value end
  end
  return rest
end

--- Serves until it is cancelled or its server is closed. Every request runs the handler in a task
--- of its own, which is cancelled when the client goes away. A handler that fails is reported, its
--- client gets an empty 500, and nothing else ends.
---@async
---@param options table  those of `serve.listen`, and
---@field options.handler function  called with each request
---@field options.on_listen? function  called once with the server, in a task of its own, when
--- clients can connect: it may send requests to itself; when it fails, so does the call;
--- default none
---@field options.drain? boolean  when it is cancelled, handlers under way are not: they have the
--- grace of a cancelled task, five seconds, to answer; default false
---@error io address_in_use, permission, bad_address, path_too_long, cannot_listen  when it cannot
--- listen
---@example
--- moonherd.serve {
---   port = 8080,
---   handler = function (request) request:respond(200, {}, "hello\n") end,
--- }
function M.run(options)
  local rest = listen_options(options)
  local listening = checked(core.listen(rest, "moonherd.serve"))
  -- Closing it in peace may take longer than a cancelled task has.
  local _ <close> = at_end(function ()
    pcall(listening.close, listening)
    listening:abort()
  end)
  local spawn = options.drain and task.spawn_steady or task.spawn
  async.scope(function ()
    -- Before the handlers are waited for, so that no more requests come.
    local _ <close> = at_end(function ()
      if options.drain then pcall(listening.close, listening) end
    end)
    if options.on_listen then task.spawn(options.on_listen, listening) end
    for accepted in Server.accept, listening do spawn(handle, options.handler, accepted) end
  end)
end

return M
