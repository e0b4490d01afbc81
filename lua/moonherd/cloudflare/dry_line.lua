-- The line that a dry run writes for each write: method, path, what would change. Names of fields
-- and bindings, never a value that could be a secret.
local async = require "moonherd.async"
local json = require "moonherd.json"
local log = require "moonherd._log"
local multipart = require "moonherd.multipart"
local plan = require "moonherd.cloudflare.plan"
local plan_text = require "moonherd.cloudflare.plan_text"
local printable = require "moonherd._printable"
local requests = require "moonherd.cloudflare.upload_request"

local M = {}

local MOST = 12 -- names on a line

local function joined(list)
  local shown = table.move(list, 1, math.min(#list, MOST), 1, {})
  for i, name in ipairs(shown) do shown[i] = printable.line(name) end
  if #list > MOST then shown[#shown + 1] = ("and %d more"):format(#list - MOST) end
  return table.concat(shown, ", ")
end

local function texts_of(list)
  local found = {}
  for _, item in ipairs(list) do
    if type(item) == "string" then found[#found + 1] = item end
  end
  return found
end

local function sorted_names(object)
  local found = {}
  for name in pairs(object) do found[#found + 1] = tostring(name) end
  table.sort(found)
  return found
end

-- A member: what bears a name says which, an object says of what.
local function member(name, value)
  if name == "name" and type(value) == "string" then return "name " .. value end
  if type(value) ~= "table" or json.is_array(value) or next(value) == nil then return name end
  local inner = sorted_names(value)
  if #inner > MOST then return ("%s of %d"):format(name, #inner) end
  return ("%s {%s}"):format(name, table.concat(inner, ", "))
end

-- The members of an object; the texts of a list.
local function names_in(value)
  if json.is_array(value) then return texts_of(value) end
  local found = sorted_names(value)
  for i, name in ipairs(found) do found[i] = member(name, value[name]) end
  return found
end

local function json_names(text)
  local ok, value = pcall(json.decode, text)
  if ok and type(value) == "table" then return joined(names_in(value)) end
  return ("%d bytes"):format(#text)
end

-- A form: the fields of settings, else the names of its parts.
local function form_names(body)
  local reader = multipart.reader(body.content_type)
  if not reader then return ("%d bytes"):format(#table.concat(body.segments)) end
  local found, settings = {}, nil
  for _, segment in ipairs(body.segments) do reader:feed(segment) end
  reader:finish()
  for kind, value in reader.next, reader do
    if kind == "part" then found[#found + 1] = value.filename or value.name or "?" end
    if kind == "data" and found[1] == "settings" then settings = (settings or "") .. value end
  end
  return settings and json_names(settings) or joined(found)
end

-- Compared with the scratch platform, which holds what is live and what the dry run has done to it.
local function upload_changes(client, body, place)
  local script = { _client = client, _namespace = place.namespace, _segment = place.script }
  local result = async.try(plan.show, script, body.request, requests.WHO)
  return result and plan_text.line(result.exists, result.diff) or form_names(body)
end

local function changes_of(client, body, place)
  if body == nil then return nil end
  if type(body) == "string" then return json_names(body) end
  if body.request then return upload_changes(client, body, place) end
  if body.segments then return form_names(body) end
  return "files"
end

--- Writes the line.
---@async
---@param client table  of the scratch platform
---@param endpoint table  its row
---@param path string
---@param query string
---@param body? string|table
---@param place table  {namespace=, script=} as the path has them
function M.write(client, endpoint, path, query, body, place)
  local words = { ("dry run: %s %s%s"):format(endpoint.method, path, query) }
  if endpoint.id then words[2] = endpoint.does end
  words[#words + 1] = changes_of(client, body, place)
  log.write("info", printable.line(table.concat(words, ": ")),
    { event = "dry_run", method = endpoint.method, path = path })
end

return M
