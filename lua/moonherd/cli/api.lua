-- moonherd api: one raw call of the API, for what is asked once or has no method of its own. Prints
-- the answer's JSON, or its bytes when it is something else; a failed call prints what the API said
-- too, and exits 1.
local async = require "moonherd.async"
local connect = require "moonherd.cloudflare".connect
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local parser = require "moonherd.cli.parser"

local METHODS = { GET = 1, POST = 1, PUT = 1, PATCH = 1, DELETE = 1, HEAD = 1, OPTIONS = 1 }

local EPILOG = [[
{account_id} in PATH stands for the account. A VALUE that starts with @ names a file, @- is
standard input. Examples:
  moonherd api GET '/accounts/{account_id}/workers/dispatch/namespaces'
  moonherd api POST '/accounts/{account_id}/workers/dispatch/namespaces' --json '{"name":"prod"}'
  moonherd api PATCH '/accounts/{account_id}/workers/dispatch/namespaces/prod/scripts/a/settings' \
    --form 'settings={"logpush":true}']]

local M = {}

--- Its arguments and options.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("METHOD", "GET, POST, PUT, PATCH or DELETE.")
  p:argument("PATH", "The path below the base URL, percent-encoded.")
  p:option("--query", "One parameter of the query."):argname "NAME=VALUE":count "*"
  p:mutex(
    p:option("--json", "The body, as JSON."):argname "VALUE",
    p:option("--form", "One part of a multipart body; ;type= and ;filename= may follow a @file.")
      :argname "NAME=VALUE":count "*",
    p:option("--body", "The body, sent as it is."):argname "VALUE"
  )
  p:option("--content-type", "The type of --body."):argname "TYPE"
  p:epilog(EPILOG)
end

-- ---- reading the options -----------------------------------------------------------------------

local function read_value(text)
  local path = text:match "^@(.+)$"
  if not path then return text end
  if path == "-" then return io.read "a" end
  local bytes, err = async.try(fs.read, path)
  return bytes or parser.refuse("%s", err.message)
end

local function pair_of(flag, text)
  local name, value = text:match "^([^=]+)=(.*)$"
  if not name then parser.refuse("%s: '%s' is not NAME=VALUE", flag, text) end
  return name, value
end

local function read_query(list)
  local query = {}
  for _, text in ipairs(list) do
    local name, value = pair_of("--query", text)
    query[name] = query[name] or {}
    table.insert(query[name], value)
  end
  return query
end

-- "metadata=@metadata.json;type=application/json", as curl takes it
local function read_part(text)
  local name, value = pair_of("--form", text)
  local path, rest = value:match "^@([^;]+)(.*)$"
  if not path then return { name = name, content = value } end
  return {
    name = name, content = read_value("@" .. path),
    content_type = rest:match ";type=([^;]+)",
    filename = rest:match ";filename=([^;]+)" or path ~= "-" and fs.basename(path) or nil,
  }
end

local function read_form(list)
  local parts = {}
  for i, text in ipairs(list) do parts[i] = read_part(text) end
  return parts[1] and parts or nil
end

local function read_json(text)
  if not text then return nil end
  local ok, value = pcall(json.decode, read_value(text))
  if not ok then parser.refuse("--json: %s", value.message or value) end
  return value
end

local function request_of(options)
  local method = options.METHOD:upper()
  if not METHODS[method] then
    parser.refuse("'%s' is not a method: GET, POST, PUT, PATCH, DELETE", options.METHOD)
  end
  if options.PATH:sub(1, 1) ~= "/" then
    parser.refuse("'%s' is not a path: it starts with /, as in /accounts/{account_id}/workers",
      options.PATH)
  end
  if options.content_type and not options.body then parser.refuse "--content-type needs --body" end
  return {
    method = method, path = options.PATH, query = read_query(options.query),
    json = read_json(options.json), form = read_form(options.form),
    body = options.body and read_value(options.body), content_type = options.content_type,
  }
end

-- ---- the call ----------------------------------------------------------------------------------

local function print_json(value)
  print(json.pretty(value))
end

-- What the API said of a failure, in the form of its envelopes.
local function print_failure(err)
  print_json {
    success = false, result = json.null,
    errors = json.array(err.errors or {}), messages = json.array(err.messages or {}),
  }
end

local function call(request)
  local ok, result, envelope = pcall(function ()
    return connect():request(request)
  end)
  if not ok then
    if errors.is(result) and result.kind == "api" then print_failure(result) end
    error(result, 0)
  end
  if envelope.success ~= nil then return print_json(envelope) end
  if type(result) == "string" then return io.write(result) end
  print_json(result)
end

--- Makes the call and prints the answer.
---@async
---@param options table
---@return integer code
function M.run(options)
  call(request_of(options))
  return 0
end

return M
