-- The HTTP client: requests as calls that wait. Never follows redirects. What all functions take as
-- options, and raise, stands at http.request.
local errors = require "moonherd.error"
local log = require "moonherd._log"
local methods = require "moonherd._methods"
local raw = require "moonherd._http"
local secret = require "moonherd.secret"

local M = {}

local function check(value, err)
  if err == nil then return value end
  error(err, 0)
end

-- ---- streamed answers --------------------------------------------------------------------------

--- An answer to a request. Its body is there, or, of a request with `stream`, read in pieces.
---@class response
---@field status integer  the HTTP status
---@field headers table<string, string>  names in lower case; the values of equal names joined by
---  ", "
---@field header_list string[][]  {name, value} of each, as they were sent, in order
---@field body? string  nil of one that is streamed: response:read gives it
local Response = {}
Response.__index = Response
Response.__name = "moonherd.http.response"

--- Reads from the body of a streamed response; waits until something is there.
---@async
---@param max? integer  the most bytes to return; default: what is there
---@return string? bytes  never empty; nil at the end
---@error http connection_reset  the body ended early; also the other errors of http.request
---@example
--- local response <close> = http.get(url, { stream = true })
--- for bytes in function () return response:read() end do print(bytes) end --> hello
function Response:read(max)
  local transfer = self._transfer
  if transfer == nil then errors.usage("response:read: closed response") end
  if max ~= nil and (math.type(max) ~= "integer" or max < 1) then
    errors.usage("response:read: bad size (integer of at least 1 expected, got %s)",
      type(max) == "number" and max or type(max))
  end
  return check(transfer:read("response:read", max))
end

--- Closes a streamed response: what has not been read is dropped. More than once does no harm.
---@error none
---@example
--- local response <close> = http.get(url, { stream = true })
--- print(response:read(4)) --> hell
function Response:close()
  local transfer = self._transfer
  self._transfer = nil
  if transfer then transfer:close() end
end

methods.guard(Response, "response")
Response.__close = Response.close

-- ---- sending -----------------------------------------------------------------------------------

-- Hands over what `body` produces, until it ends or the server wants no more.
local function pump(who, transfer, body)
  repeat
    local bytes = body()
    if bytes == nil then return transfer:finish(who) end
  until not transfer:send(who, bytes)
end

-- The streamed response; from now on it is the caller who closes.
local function hand_over(unfinished, answer)
  local response = {
    status = answer.status, headers = answer.headers, header_list = answer.header_list,
    _transfer = unfinished._transfer,
  }
  unfinished._transfer = nil
  return setmetatable(response, Response)
end

-- A body that is a function, or an answer that is not to be collected.
local function send_in_steps(who, method, url, opts)
  local transfer = raw.open(who, method, url, opts)
  local unfinished <close> = setmetatable({ _transfer = transfer }, Response)
  if type(opts.body) == "function" then pump(who, transfer, opts.body) end
  if opts.stream then return hand_over(unfinished, check(transfer:head(who))) end
  return check(transfer:whole(who))
end

local function has_content_type(headers)
  for name, value in pairs(headers) do
    if type(value) == "table" and type(name) ~= "string" then name = value[1] end
    if type(name) == "string" and name:lower() == "content-type" then return true end
  end
  return false
end

local function copy_of(fields)
  local copy = {}
  for name, value in pairs(fields) do copy[name] = value end
  return copy
end

-- A value of `headers`: text, one of {{name, value}, …}, or a list of values of one name.
local function reveal_header(value)
  if type(value) ~= "table" or secret.is(value) then return secret.reveal(value) end
  local copy = nil
  for i, text in ipairs(value) do
    if secret.is(text) then
      copy = copy or copy_of(value)
      copy[i] = secret.reveal(text)
    end
  end
  return copy or value
end

-- Headers with the texts of secrets in their place.
local function reveal_headers(headers)
  if type(headers) ~= "table" then return headers end
  local copy = nil
  for name, value in pairs(headers) do
    local text = reveal_header(value)
    if text ~= value then
      copy = copy or copy_of(headers)
      copy[name] = text
    end
  end
  return copy or headers
end

-- The text of a URL that may be a secret. Failures tell a URL without its user and query: that part
-- is hidden as well.
local function reveal_url(url)
  if not secret.is(url) then return url end
  local text = secret.reveal(url)
  log.hide((text:gsub("^(%a+://)[^/?#]*@", "%1"):gsub("[?#].*", "")))
  return text
end

-- The options with the texts of secrets, where they may stand: url, body, headers.
local function reveal(opts)
  local headers = reveal_headers(opts.headers)
  if headers == opts.headers and not secret.is(opts.body) and not secret.is(opts.url) then
    return opts
  end
  local copy = copy_of(opts)
  copy.headers, copy.body = headers, secret.reveal(opts.body)
  copy.url = reveal_url(opts.url)
  return copy
end

-- The options with `json` turned into a body.
local function encoded(who, opts)
  if opts.body ~= nil then
    errors.usage("%s: options 'json' and 'body' exclude each other", who)
  end
  local copy = copy_of(opts)
  local headers = type(opts.headers) == "table" and copy_of(opts.headers) or opts.headers or {}
  if type(headers) == "table" and not has_content_type(headers) then
    headers["content-type"] = "application/json"
  end
  copy.json, copy.headers = nil, headers
  copy.body = check(require "moonherd._json".encode(opts.json, who .. ": bad option 'json'"))
  return copy
end

local function send(who, method, url, opts)
  if type(opts) == "table" then
    opts = reveal(opts)
    if opts.json ~= nil then opts = encoded(who, opts) end
    if opts.stream or type(opts.body) == "function" then
      return send_in_steps(who, method, url, opts)
    end
  end
  local response, err = raw.request(who, method, url, opts)
  if response then return response end
  error(err, 0)
end

local function send_to(who, method, url, opts)
  url = reveal_url(url)
  if type(url) ~= "string" then
    local got = url == nil and "nothing" or type(url)
    errors.usage("%s: bad url (string expected, got %s)", who, got)
  end
  return send(who, method, url, opts)
end

-- ---- the public functions ----------------------------------------------------------------------

--- Sends a request and returns the answer, whatever its status. Redirects are not followed.
---
--- Proxies of the environment (`https_proxy`, `no_proxy`, …) are used, except for this machine and
--- for unix sockets. Compressed answers arrive decoded. A request that may change something is
--- never repeated by itself; `err.sent` says whether any byte of it has left.
---
--- A function as body is called until it returns nil, whenever the connection takes more. Secrets
--- are taken as url, as body and as values of headers. A user name and password in the URL become
--- an authorization header; errors show neither them nor the query. Names of headers arrive in
--- lower case; `headers` joins the values of equal names by ", ". stall_timeout
--- rests while the server thinks (the whole request sent, no byte of the answer come) and while
--- the script is to produce or to read. The limits begin when the transfer does: waiting for a
--- free one is not counted.
---@async
---@param opts table  the request
---@field opts.url string  http:// or https://
---@field opts.method? string  default "GET"; as it stands, but not CONNECT
---@field opts.headers? table  {name = value}, {name = {value, …}} for several of one name, or
--- {{name, value}, …} in order; default none
---@field opts.body? string|string[]|function  bytes, pieces of one body, or what produces them;
---  default none
---@field opts.content_length? integer  bytes of a body that is a function; else it is chunked
---@field opts.json? any  in place of body: sent as JSON, with the content-type to match
---@field opts.stream? boolean  return with the headers; the body is for `response:read`;
---  default false
---@field opts.max_body? integer  bytes of the answer's body; default 100 MiB, for a stream none
---@field opts.timeout? duration  for everything; default 300 seconds
---@field opts.connect_timeout? duration  until the connection stands; default 10 seconds
---@field opts.stall_timeout? duration  without a byte moving either way; default 60 seconds
---@field opts.unix_socket? string  path of a socket to connect to, whatever host the URL names;
---  default none
---@field opts.ca_file? string  certificates to trust, PEM; default what SSL_CERT_FILE names, else
--- those of the system
---@field opts.cert_file? string  client certificate, PEM; default none
---@field opts.key_file? string  its key, PEM; default: in cert_file
---@return response response
---@error timeout timeout_connect  connect_timeout is over
---@error timeout timeout_stall  stall_timeout is over
---@error timeout timeout_total  timeout is over
---@error http bad_url  the URL is malformed, or not http or https
---@error http dns_failed  the host has no address
---@error http connect_failed  no connection: refused, unreachable, no such socket
---@error http tls_failed  TLS failed, most often because the certificate is not trusted
---@error http send_failed  the request could not be sent
---@error http connection_reset  the server closed the connection before the answer was complete
---@error http protocol  the answer is not HTTP
---@error http too_large  the answer has more than max_body bytes, or too large headers
---@example
--- local response = http.request { method = "PUT", url = url, body = "text", timeout = "5s" }
--- print(response.status, response.headers["content-type"], #response.body) --> 200 text/plain 5
function M.request(opts)
  if type(opts) ~= "table" then
    errors.usage("http.request: bad argument (table expected, got %s)", type(opts))
  end
  return send("http.request", nil, nil, opts)
end

--- Sends a GET request.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.get(url).body) --> hello
function M.get(url, opts)
  return send_to("http.get", "GET", url, opts)
end

--- Sends a HEAD request: the answer has no body.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.head(url).status) --> 200
function M.head(url, opts)
  return send_to("http.head", "HEAD", url, opts)
end

--- Sends a POST request.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.post(url, { json = { name = "shop" } }).status) --> 200
function M.post(url, opts)
  return send_to("http.post", "POST", url, opts)
end

--- Sends a PUT request.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.put(url, { body = "hello" }).status) --> 200
function M.put(url, opts)
  return send_to("http.put", "PUT", url, opts)
end

--- Sends a PATCH request.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.patch(url, { json = { name = "shop" } }).status) --> 200
function M.patch(url, opts)
  return send_to("http.patch", "PATCH", url, opts)
end

--- Sends a DELETE request.
---@async
---@param url string
---@param opts? table  as for http.request, without url and method
---@return response response
---@error as moonherd.http.request
---@example
--- print(http.delete(url).status) --> 200
function M.delete(url, opts)
  return send_to("http.delete", "DELETE", url, opts)
end

return M
