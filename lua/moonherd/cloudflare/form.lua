-- Multipart bodies, as the transport sends them: {segments=, content_type=}. The segments are the
-- contents themselves, so that no module is copied. A body also keeps what it was made of, to be
-- compared with what is live: `metadata` (JSON) and `modules`.
local errors = require "moonherd.error"
local multipart = require "moonherd.multipart"

local M = {}

local function encode(parts)
  local segments, content_type = multipart.encode(parts)
  return { segments = segments, content_type = content_type }
end

--- The body of an upload: the metadata, then every module under its name.
---@param metadata string  JSON
---@param modules table[]  {name=, content=, content_type=}
---@return table body
function M.of_code(metadata, modules)
  local parts = { { name = "metadata", content_type = "application/json", content = metadata } }
  for i, module in ipairs(modules) do
    parts[i + 1] = {
      name = module.name, filename = module.name,
      content_type = module.content_type, content = module.content,
    }
  end
  local body = encode(parts)
  body.metadata, body.modules = metadata, modules
  return body
end

--- The body of a change of settings: one part.
---@param settings string  JSON
---@return table body
function M.of_settings(settings)
  local body = encode {
    { name = "settings", content_type = "application/json", content = settings },
  }
  body.metadata = settings
  return body
end

local function field_of(name, value, who)
  if type(value) == "string" then return { name = name, content = value } end
  if type(name) ~= "string" or type(value) ~= "table" or type(value.content) ~= "string" then
    errors.usage("%s: bad option 'form' (field '%s' is text or a table with content, filename, "
      .. "content_type)", who, tostring(name))
  end
  return {
    name = name, content = value.content, filename = value.filename,
    content_type = value.content_type,
  }
end

--- A form of any fields: by name, or a list of tables with `name` when the order matters.
---@param fields table
---@param who string  the public name of the function
---@return table body
function M.of_fields(fields, who)
  local parts = {}
  for name, value in pairs(fields) do
    if type(name) == "number" and type(value) == "table" then name = value.name end
    parts[#parts + 1] = field_of(name, value, who)
  end
  if fields[1] == nil then table.sort(parts, function (a, b) return a.name < b.name end) end
  return encode(parts)
end

return M
