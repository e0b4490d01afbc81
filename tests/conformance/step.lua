-- One request and what is expected of its answer, over nothing but HTTP: no code is shared with the
-- client, or with the platform's own specs.
--
-- A step is { "METHOD path", json= | form= | body=, type=, chunked=, headers=, token=, expect= }:
-- the path as operations.lua expands it, `form` a list of parts {name=, filename=, type=, json= |
-- content=, exact=}, `type` the content type, `token` one in place of the account's. Names in
-- braces are filled in everywhere, but in what is `exact`. What is expected are matchers:
--   status            default: 200, or that of the code
--   code, codes       of the first error; of all of them
--   errors, messages, result, result_info
--   headers           by their names in lower case
--   body, parts       of an answer that is no envelope: as it is, or as a form

local http = require "moonherd.http"
local json = require "moonherd.json"
local match = require "tests.conformance.match"
local moonherd = require "moonherd"
local operations = require "tests.conformance.operations"

local M = {}

-- ---- the request --------------------------------------------------------------------------------

-- A copy in which every text is filled in.
local function filled(value, saved)
  if type(value) == "string" then return match.fill(value, saved) end
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, item in pairs(value) do copy[filled(key, saved)] = filled(item, saved) end
  return json.is_array(value) and json.array(copy) or copy
end

local BOUNDARY = "----conformance-9f2c41d07ab3"

-- A form, written here line by line, so that odd ones can be written too.
local function encode_form(parts, saved)
  local pieces = {}
  for _, part in ipairs(parts) do
    local head = { ('--%s\r\nContent-Disposition: form-data; name="%s"'):format(BOUNDARY,
      match.fill(part.name, saved)) }
    if part.filename then head[#head + 1] = ('; filename="%s"'):format(part.filename) end
    if part.type then head[#head + 1] = "\r\nContent-Type: " .. part.type end
    local content = part.json and json.encode(filled(part.json, saved))
      or part.exact and part.content or match.fill(part.content, saved)
    pieces[#pieces + 1] = table.concat(head) .. "\r\n\r\n" .. content .. "\r\n"
  end
  return table.concat(pieces) .. "--" .. BOUNDARY .. "--\r\n"
end

local function body_of(step, saved)
  if step.form then
    return encode_form(step.form, saved), "multipart/form-data; boundary=" .. BOUNDARY
  elseif step.json ~= nil then
    return json.encode(filled(step.json, saved)), "application/json"
  elseif type(step.body) == "string" then
    return match.fill(step.body, saved)
  end
  return step.body
end

-- A body in pieces is sent chunked.
local function chunked(text)
  local at = 1
  return function ()
    if at > #text then return nil end
    local piece = text:sub(at, at + 99)
    at = at + 100
    return piece
  end
end

-- Header names are in lower case; false leaves one out. In them, {token} is the account's.
local function headers_of(step, target, saved, content_type)
  local known = setmetatable({ token = target.token }, { __index = saved })
  local headers = {
    authorization = "Bearer " .. match.fill(step.token or "{token}", known),
    ["content-type"] = step.type or content_type,
  }
  for name, value in pairs(step.headers or {}) do
    headers[name] = value and match.fill(value, known) or nil
  end
  return headers
end

local function url_of(path, target, saved)
  local below_root = path:match "^ROOT(.*)"
  local base = below_root and target.base:gsub("/client/v4$", "") or target.base
  return base .. match.fill(operations.expand(below_root and "ACC" .. below_root or path), saved)
end

local function request_of(step, target, saved)
  local method, path = step[1]:match "^(%u+) ?(.*)$"
  local body, content_type = body_of(step, saved)
  if step.chunked then body = chunked(body) end
  return {
    method = method,
    url = url_of(path, target, saved),
    headers = headers_of(step, target, saved, content_type),
    body = body,
    timeout = "60s",
  }
end

-- The limit on requests is no subject here: one that it refuses is sent again when it may be.
local function send(request)
  while true do
    local response = http.request(request)
    local pause = response.status == 429 and tonumber(response.headers["retry-after"])
    if not pause then return response end
    moonherd.sleep(pause)
  end
end

-- ---- what holds for every answer ----------------------------------------------------------------

local ITEM = match.exactly {
  code = match.integer, message = match.pattern ".",
  documentation_url = match.optional(match.pattern "^https://"),
  source = match.optional { pointer = match.string },
  error_chain = match.optional(match.any), meta = match.optional(match.any),
}

local ENVELOPE = match.exactly {
  success = match.boolean,
  errors = match.list_of(ITEM),
  messages = match.list_of(ITEM),
  result = match.any,
  result_info = match.optional(match.object),
}

-- The decoded envelope, or nil and what is wrong with it.
local function read_envelope(response)
  local content_type = response.headers["content-type"] or "no content type"
  if not content_type:find "^application/json" then
    return nil, "headers.content-type: expected application/json, got " .. content_type
  end
  local is_json, envelope = pcall(json.decode, response.body)
  if not is_json then return nil, "body: expected JSON" end
  local problem = match.check(ENVELOPE, envelope, "body", {})
  if problem then return nil, problem end
  local is_success = response.status >= 200 and response.status < 300
  if envelope.success ~= is_success then
    return nil, "body.success: does not go with the status"
  elseif envelope.success and #envelope.errors > 0 then
    return nil, "body.errors: expected none"
  elseif not envelope.success and (#envelope.errors == 0 or envelope.result ~= json.null) then
    return nil, "body: expected an entry of errors, and null as result"
  end
  return envelope
end

-- ---- what one answer should be ------------------------------------------------------------------

local function expected_status(expect)
  local code = expect.code or expect.codes and expect.codes[1]
  return expect.status or code and operations.STATUS[code] or 200
end

local function codes_of(envelope)
  local codes = json.array {}
  for i, item in ipairs(envelope.errors) do codes[i] = item.code end
  return codes
end

local function check_envelope(expect, response, saved)
  local envelope, problem = read_envelope(response)
  if not envelope then return problem end
  local codes = codes_of(envelope)
  return expect.code and match.check(expect.code, codes[1], "errors[1].code", saved)
    or expect.codes and match.check(expect.codes, codes, "codes", saved)
    or expect.errors and match.check(expect.errors, envelope.errors, "errors", saved)
    or expect.messages and match.check(expect.messages, envelope.messages, "messages", saved)
    or expect.result ~= nil and match.check(expect.result, envelope.result, "result", saved)
    or expect.result_info and match.check(expect.result_info, envelope.result_info,
      "result_info", saved)
end

-- The parts of a form as it came: {name, filename, type, content} each.
local function read_form(response)
  local boundary = response.headers["content-type"]:match 'boundary="?([^";]+)'
  local text, parts = "\r\n" .. response.body, json.array {}
  local stop = "\r\n--" .. (boundary or "")
  local at = select(2, text:find(stop, 1, true))
  while at and text:sub(at + 1, at + 2) == "\r\n" do
    local next = text:find(stop, at, true) or #text + 1
    local head, content = text:sub(at + 3, next - 1):match "^(.-)\r\n\r\n(.*)$"
    parts[#parts + 1] = {
      name = head:match '[;%s]name="(.-)"', filename = head:match 'filename="(.-)"',
      type = head:match "\n?[Cc]ontent%-[Tt]ype: ([^\r\n]+)", content = content,
    }
    at = select(2, text:find(stop, next, true))
  end
  return parts
end

local function check_raw(expect, response, saved)
  return expect.body and match.check(expect.body, response.body, "body", saved)
    or expect.parts and match.check(expect.parts, read_form(response), "parts", saved)
end

local function check(expect, response, saved)
  local status = expected_status(expect)
  if response.status ~= status then
    return ("status: expected %s%s, got %d"):format(status,
      expect.code and " with code " .. tostring(expect.code) or "", response.status)
  end
  local is_raw = expect.body or expect.parts
  return (is_raw and check_raw or check_envelope)(expect, response, saved)
    or expect.headers and match.check(expect.headers, response.headers, "headers", saved)
end

--- Sends the request of a step and looks at the answer. Returns nil, or what is wrong as
--- {problem=, request=, response=}.
function M.run(step, target, saved)
  local request = request_of(step, target, saved)
  local is_answered, response = pcall(send, request)
  if not is_answered then
    return { problem = tostring(response), request = request }
  end
  local problem = check(step.expect or {}, response, saved)
  if problem then return { problem = problem, request = request, response = response } end
end

--- The code a step expects, as coverage counts it: "status/code", or "success".
function M.outcome(step)
  local expect = step.expect or {}
  local code = expect.code or expect.codes and expect.codes[1]
  return code and ("%d/%d"):format(expected_status(expect), code) or "success"
end

return M
