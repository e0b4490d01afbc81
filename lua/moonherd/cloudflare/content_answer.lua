-- The only answer of the API that is not JSON, taken apart: a form of modules, or one script in
-- service-worker syntax.
local codes = require "moonherd.cloudflare.code"
local errors = require "moonherd.error"
local multipart = require "moonherd.multipart"

local M = {}

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

--- The content in an answer.
---@param response table  what moonherd.http gave
---@return table content  {main_module= | body_part=, modules={name -> {content=, type=}}, etag=}
function M.read(response)
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

return M
