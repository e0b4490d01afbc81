-- Reads the body of a settings patch: the part `settings` of a form (`metadata` will do), or JSON,
-- bare or under `settings`.

local errors = require "moonherd.platform.errors"
local metadata_of = require "moonherd.platform.metadata"
local parts = require "moonherd.platform.parts"
local shape = require "moonherd.platform.shape"
local upload = require "moonherd.platform.upload"

local M = {}

local function only(parts_by_name, name)
  local found = parts_by_name[name]
  if found and found[2] then
    errors.invalid(("The request has more than one `%s` part"):format(name), "/" .. name)
  end
  return found and metadata_of.read(found[1].content, name)
end

local function read_form(call)
  local by_name, flattened = {}, nil
  for _, part in ipairs(parts.form(call)) do
    if part.name:find "^settings%[" or part.name:find "^metadata%[" then
      flattened = flattened or part.name
    end
    by_name[part.name] = by_name[part.name] or {}
    table.insert(by_name[part.name], part)
  end
  local patch = only(by_name, "settings") or only(by_name, "metadata")
  if not patch and flattened then
    upload.refuse_flattened(flattened, call)
  end
  return patch or errors.invalid("The request has no `settings` part", "/settings")
end

local function read_json(call)
  local body = call:json()
  if shape.is_object(body) and body.settings ~= nil then
    body = body.settings
  end
  return metadata_of.check(body)
end

--- Reads the body into the patch, its fields checked.
function M.read(call)
  local content_type = call:media_type()
  if content_type == "multipart/form-data" then
    return read_form(call)
  elseif content_type == "application/json" then
    return read_json(call)
  end
  errors.refuse(10001, {
    message = "Content-Type must be one of: multipart/form-data, application/json",
  })
end

return M
