-- Reads the body of an upload: a form with metadata and files, or one bare JavaScript source.

local errors = require "moonherd.platform.errors"
local parts = require "moonherd.platform.parts"
local sdk_bodies = require "moonherd.platform.sdk_bodies"
local upload = require "moonherd.platform.upload"

local M = {}

local RAW_NAME = "worker.js"
local RAW_TYPES = { ["application/javascript"] = true, ["text/javascript"] = true }

-- Official SDKs of 2026 label multipart and JSON bodies as JavaScript. The service parses them as
-- such, and so they fail; the log says what happened.
local function refuse_mislabelled(call, head)
  if head:find "^%-%-[^\r\n]+\r?\n[Cc]ontent%-[Dd]isposition:" then
    sdk_bodies.log(call, "a multipart or JSON body labelled as JavaScript", "metadata")
    errors.invalid(
      "Uncaught SyntaxError: Invalid left-hand side expression in prefix operation "
        .. "at worker.js:1:4"
    )
  end
  local colon = head:match '^%s*{%s*"metadata"%s*():'
  if colon then
    sdk_bodies.log(call, "a multipart or JSON body labelled as JavaScript", "metadata")
    errors.invalid(("Uncaught SyntaxError: Unexpected token ':' at worker.js:1:%d"):format(colon))
  end
end

local function read_raw(call, content_type)
  local part = parts.raw(call, RAW_NAME, content_type)
  refuse_mislabelled(call, part.head or "")
  return part
end

--- Reads the body into `metadata` (nil when it has none) and `files`, or into `raw`. `flattened` is
--- there when fields of flattened metadata were.
function M.read_any(call)
  local content_type = call:media_type()
  if content_type == "multipart/form-data" then
    local metadata, files, flattened = upload.split(parts.form(call))
    return { metadata = metadata, files = files, flattened = flattened }
  elseif RAW_TYPES[content_type] then
    return { raw = read_raw(call, content_type), files = {} }
  end
  errors.refuse(10001, {
    message = "Content-Type must be one of: multipart/form-data, application/javascript, "
      .. "text/javascript",
  })
end

--- The same for a request that a form without metadata cannot be.
function M.read(call)
  local request = M.read_any(call)
  if request.raw then
    request.metadata = {}
  elseif not request.metadata then
    M.refuse_without_metadata(request, call)
  end
  return request
end

--- Ends a call whose form has no metadata where it needs some.
function M.refuse_without_metadata(request, call)
  if request.flattened then
    upload.refuse_flattened(request.flattened, call)
  end
  errors.invalid("The request has no `metadata` part", "/metadata")
end

return M
