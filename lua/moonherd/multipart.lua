-- multipart/form-data: what uploads are sent as, and content is read back from. The parser and the
-- escaping are in C (runtime/io/multipart.c); this file never looks into a content.
local core = require "moonherd._multipart"
local errors = require "moonherd.error"
local options = require "moonherd._options"

local M = { reader = core.reader }

local read_part = options.reader("multipart.encode", {
  { "name", "string" },
  { "filename", "string" },
  { "content_type", "string" },
  { "content", "string" },
})

local FIELDS <const> = { name = true, filename = true, content_type = true, content = true }

-- The usual part is right, so it is looked at first without making a table of options.
local function is_right(part)
  if type(part) ~= "table" or not (part.name and part.content) then return false end
  for field, value in pairs(part) do
    if not FIELDS[field] or type(value) ~= "string" then return false end
  end
  return true
end

local function check_part(part, i)
  if is_right(part) then return part end
  local checked = read_part(part)
  errors.usage("multipart.encode: part %d has no %s", i, checked.name and "content" or "name")
end

local function check_boundary(boundary)
  if boundary == nil then return assert(core.boundary()) end
  if type(boundary) ~= "string" or not core.is_boundary(boundary) then
    errors.usage "multipart.encode: bad boundary (1 to 70 letters, digits or '()+_,-./:=? expected)"
  end
  return boundary
end

local function head(boundary, part, i)
  return core.head(boundary, i == 1, part.name, part.filename, part.content_type)
    or errors.usage("multipart.encode: part %d cannot be sent (its name is empty, or a name or type"
      .. " has a control character)", i)
end

--- Lays out a form as the strings to send one after the other. The contents are among them as they
--- are, not copied.
---@param parts table[]  the parts in order, each with these fields
---@field parts[].name string  of the field
---@field parts[].content string  bytes
---@field parts[].filename? string  default none
---@field parts[].content_type? string  such as "application/json"; default none
---@param boundary? string  what stands between the parts and in none of them; default: a random one
---@return string[] segments  their concatenation is the body
---@return string content_type  the value of the message's Content-Type header
---@return integer length  bytes of the body
---@error usage usage  when a part lacks its name or content, or a name cannot stand in a header
---@example
--- local segments, content_type = moonherd.multipart.encode {
---   { name = "metadata", content_type = "application/json", content = "{}" },
--- }
--- print(content_type, table.concat(segments))
function M.encode(parts, boundary)
  if type(parts) ~= "table" then
    errors.usage("multipart.encode: bad parts (list expected, got %s)", type(parts))
  end
  boundary = check_boundary(boundary)
  local segments, length = {}, 0
  for i, given in ipairs(parts) do
    local part = check_part(given, i)
    local text = head(boundary, part, i)
    segments[2 * i - 1], segments[2 * i] = text, part.content
    length = length + #text + #part.content
  end
  local tail = core.tail(boundary, #segments == 0)
  segments[#segments + 1] = tail
  return segments, core.content_type(boundary), length + #tail
end

return M
