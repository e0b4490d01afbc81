-- The content of a script: the modules themselves, read and replaced apart from everything else.
-- The only answer of the API that is not JSON: a form of modules, or one script in service-worker
-- syntax.
local codes = require "moonherd.cloudflare.code"
local endpoints = require "moonherd.cloudflare.endpoints"
local errors = require "moonherd.error"
local form = require "moonherd.cloudflare.form"
local json = require "moonherd.json"
local multipart = require "moonherd.multipart"
local options = require "moonherd._options"
local transport = require "moonherd.cloudflare.transport"

local M = {}

-- ---- reading -----------------------------------------------------------------------------------

-- A module is called by its filename, unless that has only lost its folders.
local function module_name(part)
  local name, filename = part.name, part.filename
  if not filename or filename == "" then return name end
  local has_lost_folders = name and name:sub(-#filename - 1) == "/" .. filename
  return has_lost_folders and name or filename
end

local function refuse(response, why)
  errors.raise {
    kind = "api", reason = "bad_answer", status = response.status, retryable = false,
    message = "the content of the script cannot be read: " .. why,
    hint = "is this Cloudflare's API? check the base URL and any proxy between",
    ray_id = response.headers["cf-ray"],
  }
end

-- Pulls what the reader has found so far. The bytes of a part stay in pieces until it ends.
local function pull(reader, parts, response)
  while true do
    local kind, value = reader:next()
    if kind == "part" then
      value.pieces = {}
      parts[#parts + 1] = value
    elseif kind == "data" then
      local pieces = parts[#parts].pieces
      pieces[#pieces + 1] = value
    elseif kind == nil then
      return value and refuse(response, value.message)
    end
  end
end

local function read_parts(response, content_type)
  local reader, err = multipart.reader(content_type)
  if not reader then refuse(response, err.message) end
  local parts = {}
  reader:feed(response.body)
  pull(reader, parts, response)
  reader:finish()
  pull(reader, parts, response)
  return parts
end

local function of_form(response, content_type)
  local content = { modules = {}, main_module = response.headers["cf-entrypoint"] }
  for _, part in ipairs(read_parts(response, content_type)) do
    local name = module_name(part)
    if content.modules[name] then
      refuse(response, ("module '%s' is there more than once"):format(name))
    end
    content.main_module = content.main_module or name
    content.modules[name] = { content = table.concat(part.pieces), type = part.content_type }
  end
  return content
end

local function of_script(response, content_type)
  local module = { content = response.body, type = content_type:match "^[^;%s]+" }
  return { body_part = codes.BODY_PART, modules = { [codes.BODY_PART] = module } }
end

-- An ETag without its quotes, as the other calls give it.
local function etag_of(response)
  local etag = response.headers.etag
  return etag and etag:match '^W?/?"(.*)"$' or etag
end

--- Reads the content of a script.
---@async
---@param script table  the handle
---@return table content  {main_module= | body_part=, modules={name -> {content=, type=}}, etag=}
function M.get(script)
  local response = transport.call(script._client, endpoints.get_content, nil, nil,
    script._namespace, script._segment)
  local content_type = response.headers["content-type"] or ""
  local content
  if response.status == 204 or response.body == "" then
    content = { modules = {} }
  elseif content_type:lower():find "^multipart/" then
    content = of_form(response, content_type)
  else
    content = of_script(response, content_type)
  end
  content.etag = etag_of(response)
  return content
end

-- ---- replacing ---------------------------------------------------------------------------------

local read = options.reader("script:put_content", codes.OPTIONS, {
  bindings = "put_content replaces the code alone; script:upload takes bindings",
  compatibility_date = "put_content replaces the code alone; script:upload takes a date",
  tags = "put_content replaces the code alone; script:upload takes tags",
})

--- Replaces the code of a script and nothing else.
---@async
---@param script table  the handle
---@param spec table
---@return table result
function M.put(script, spec)
  local code = codes.read(read(spec), "script:put_content")
  local metadata = json.encode { main_module = code.main_module, body_part = code.body_part }
  local body = form.of_code(metadata, code.modules)
  local result = transport.call(script._client, endpoints.put_content, nil, body,
    script._namespace, script._segment)
  if type(result) ~= "table" then result = {} end
  result.requests = 1
  return result
end

return M
