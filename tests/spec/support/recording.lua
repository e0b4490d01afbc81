-- Requests of the official clients, recorded once and sent again by the tests: what is kept of an
-- exchange, and how a recording is replayed against a platform.
--
-- Nothing that changes from run to run is kept. Boundaries have one name; a session's token is
-- written as <jwt 1>, <jwt 2>, … in the order in which the answers gave them, and stands for the
-- token of the replay wherever it is sent; ids and times of answers are masked.

local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local http = require "moonherd.http"
local json = require "moonherd.json"

local M = {}

-- Headers that say something about a client; the others are its library's or the connection's.
local KEPT_HEADERS = {
  "content-type", "user-agent", "accept", "if-none-match", "cf-worker-body-part",
  "cf-worker-main-module-part",
}

local BOUNDARY = "a-boundary"

-- ---- texts that differ from run to run ----------------------------------------------------------

local function replace_plain(text, what, by)
  local pieces, from = {}, 1
  while true do
    local first, last = text:find(what, from, true)
    if not first then break end
    pieces[#pieces + 1] = text:sub(from, first - 1) .. by
    from = last + 1
  end
  pieces[#pieces + 1] = text:sub(from)
  return table.concat(pieces)
end

local function boundary_of(content_type)
  local found = (content_type or ""):match "^multipart/.*boundary=(.+)$"
  return found and (found:match '^"(.-)"' or found:match "^[^;]+")
end

-- A body and its content type with the one name for boundaries.
local function with_fixed_boundary(body, content_type)
  local boundary = boundary_of(content_type)
  if not boundary then return body, content_type end
  return replace_plain(body, boundary, BOUNDARY), replace_plain(content_type, boundary, BOUNDARY)
end

-- Writes <jwt N> for tokens, or tokens for <jwt N>.
local function hide_tokens(text, tokens)
  for i, token in ipairs(tokens) do text = replace_plain(text, token, ("<jwt %d>"):format(i)) end
  return text
end

local function show_tokens(text, tokens)
  return (text:gsub("<jwt (%d+)>", function (i) return tokens[tonumber(i)] end))
end

-- Takes down the tokens of an answer.
local function learn_tokens(body, tokens)
  for token in body:gmatch '"jwt":"([^"]+)"' do tokens[#tokens + 1] = token end
end

local X4 = ("%x"):rep(4)
local MASKS = {
  { X4 .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4 .. "%-" .. X4:rep(3), "<uuid>" },
  { "%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z", "<time>" },
  { '"' .. X4:rep(8) .. '"', '"<id>"' },
}

local function mask(text)
  for _, row in ipairs(MASKS) do text = text:gsub(row[1], row[2]) end
  return text
end

-- ---- bodies in a file ---------------------------------------------------------------------------

local function to_file(bytes)
  if bytes == "" then return nil end
  return utf8.len(bytes) and bytes or { base64 = hash.base64(bytes) }
end

local function from_file(kept)
  return type(kept) == "table" and hash.unbase64(kept.base64) or kept or ""
end

local function is_json(headers)
  return (headers["content-type"] or ""):find "^application/json" ~= nil
end

-- The answer as it is kept and compared.
local function answer_of(response, tokens)
  local body = with_fixed_boundary(response.body, response.headers["content-type"])
  body = mask(hide_tokens(body, tokens))
  return {
    status = response.status,
    json = is_json(response.headers) and json.decode(body) or nil,
    body = not is_json(response.headers) and to_file(body) or nil,
  }
end

-- ---- recording ----------------------------------------------------------------------------------

local Recorder = {}
Recorder.__index = Recorder

--- Starts a recording in a file. `token` is the platform's credential.
function M.recorder(path, token)
  return setmetatable({ path = path, token = token, tokens = {}, exchanges = {} }, Recorder)
end

local function credential_of(self, headers)
  local bearer = (headers.authorization or ""):match "^Bearer (.+)$"
  if bearer == self.token then return "token" end
  return bearer and hide_tokens(bearer, self.tokens)
end

--- Adds one exchange and writes the file. `request` has method, target, headers and body.
function Recorder:add(request, response)
  local headers = {}
  for _, name in ipairs(KEPT_HEADERS) do headers[name] = request.headers[name] end
  local body
  body, headers["content-type"] = with_fixed_boundary(request.body, headers["content-type"])
  local kept = {
    method = request.method, target = request.target, headers = headers,
    credential = credential_of(self, request.headers),
    body = to_file(hide_tokens(body, self.tokens)),
  }
  learn_tokens(response.body, self.tokens)
  kept.answer = answer_of(response, self.tokens)
  table.insert(self.exchanges, kept)
  fs.write(self.path, json.pretty(json.array(self.exchanges)) .. "\n")
end

-- ---- replaying ----------------------------------------------------------------------------------

-- The first thing of `wanted` that `got` does not have, as a path; nil when all of it is there.
local function difference(wanted, got, path)
  if type(wanted) ~= "table" or type(got) ~= "table" then
    if wanted == got then return nil end
    return ("%s: %s, not %s"):format(path, json.encode(got == nil and json.null or got),
      json.encode(wanted))
  end
  if json.is_array(wanted) and #wanted ~= #got then
    return ("%s: %d items, not %d"):format(path, #got, #wanted)
  end
  for name, value in pairs(wanted) do
    local found = difference(value, got[name], path .. "/" .. name)
    if found then return found end
  end
end

local function request_of(exchange, tokens, replay)
  local headers = {}
  for name, value in pairs(exchange.headers) do headers[name] = value end
  local credential = exchange.credential
  if credential == "token" then credential = replay.token end
  if credential then headers.authorization = "Bearer " .. show_tokens(credential, tokens) end
  return {
    method = exchange.method, url = replay.base .. exchange.target, headers = headers,
    unix_socket = replay.unix_socket, body = exchange.body
      and show_tokens(from_file(exchange.body), tokens),
  }
end

--- Sends a recording again. `replay` has base, token, unix_socket. Returns nil, or what is
--- different from what was recorded: an answer must have the status and every field that it had;
--- more is allowed.
function M.replay(path, replay)
  local tokens = {}
  for i, exchange in ipairs(json.decode(fs.read(path))) do
    local response = http.request(request_of(exchange, tokens, replay))
    learn_tokens(response.body, tokens)
    local found = difference(exchange.answer, answer_of(response, tokens), "")
    if found then
      return ("%s, exchange %d, %s %s: %s"):format(path, i, exchange.method, exchange.target, found)
    end
  end
end

return M
