-- moonherd api: one raw call of the API, for what is asked once or has no method of its own. Prints
-- the answer's JSON, or its bytes when it is something else; a failed call prints what the API said
-- too, and exits 1.
local async = require "moonherd.async"
local connect = require "moonherd.cloudflare".connect
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local fields = require "moonherd.cli.field"
local json = require "moonherd.json"
local options_of = require "moonherd._options"
local parser = require "moonherd.cli.parser"

local METHODS = { GET = 1, POST = 1, PUT = 1, PATCH = 1, DELETE = 1, HEAD = 1, OPTIONS = 1 }

local EPILOG = [[
{account_id} in PATH stands for the account. A VALUE that starts with @ names a file, @- is
standard input. Examples:
  moonherd api GET '/accounts/{account_id}/workers/dispatch/namespaces' \
    --field 'result[].namespace_name'
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
  p:flag("--paginate", "Follow the cursors of a list; print one answer with all of it.")
  p:option("--field", "Print only the values at this path of the answer, a line each.")
    :argname "PATH"
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
  if options.paginate and method ~= "GET" then parser.refuse "--paginate needs GET" end
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

local function request(client, given)
  local ok, result, envelope = pcall(client.request, client, given)
  if ok then return result, envelope end
  if errors.is(result) and result.kind == "api" then print_failure(result) end
  error(result, 0)
end

-- The cursor of the next page, where the answer has one.
local function next_cursor(envelope)
  local info = type(envelope) == "table" and envelope.result_info
  local cursor = type(info) == "table" and info.cursor
  return type(cursor) == "string" and cursor ~= "" and cursor or nil
end

-- All pages as one answer: that of the first, with the items of the others.
local function request_all(client, given)
  local result, envelope = request(client, given)
  local cursor = next_cursor(envelope)
  local items = result
  while cursor and type(items) == "table" do
    given.query.cursor = cursor
    local page, more = request(client, given)
    table.move(page, 1, #page, #items + 1, items)
    local following = next_cursor(more)
    cursor = following ~= cursor and following or nil
  end
  if type(envelope.result_info) == "table" then
    envelope.result_info.cursor, envelope.result_info.count = nil, #items
  end
  return result, envelope
end

-- A name that is nowhere is told of: without a word a misspelt one would look like an empty list.
local function print_fields(value, path, steps)
  local found, missing = fields.values(value, steps)
  for _, one in ipairs(found) do print(fields.line(one)) end
  if not missing then return 0 end
  io.stderr:write(("moonherd: --field: '%s' is nowhere in the answer: there is no '%s'%s\n"):format(
    path, missing.name, options_of.suggestion(missing.name, missing.names, "names")))
  return 1
end

local function steps_of(path)
  if not path then return nil end
  return fields.compile(path)
    or parser.refuse("--field: '%s' is not a path such as result[].name", path)
end

--- Makes the call and prints the answer.
---@async
---@param options table
---@return integer code
function M.run(options)
  local steps, given = steps_of(options.field), request_of(options)
  local result, envelope = (options.paginate and request_all or request)(connect(), given)
  local is_enveloped = envelope.success ~= nil
  if steps then
    return print_fields(is_enveloped and envelope or result, options.field, steps)
  elseif is_enveloped then
    print_json(envelope)
  elseif type(result) == "string" then
    io.write(result)
  else
    print_json(result)
  end
  return 0
end

return M
