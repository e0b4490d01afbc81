-- Handlers of a script's content: its modules alone, out and in.

local binding_of = require "moonherd.platform.binding"
local errors = require "moonherd.platform.errors"
local handlers = require "moonherd.platform.handlers"
local lookup = require "moonherd.platform.lookup"
local multipart = require "moonherd._multipart"
local publish = require "moonherd.platform.publish"
local upload = require "moonherd.platform.upload"
local upload_body = require "moonherd.platform.upload_body"

local M = {}

local DEFAULT_TYPE = "application/octet-stream"

-- ---- out ----------------------------------------------------------------------------------------

-- Whether an If-None-Match header names `etag`.
local function is_known(header, etag)
  for listed in (header or ""):gmatch "[^,]+" do
    local bare = listed:match "^%s*(%S*)"
    if bare == "*" or bare:gsub("^W/", "") == etag then
      return true
    end
  end
  return false
end

-- A part's head. A type that cannot stand in a header was never one of ours.
local function part_head(boundary, module, is_first)
  return multipart.head(boundary, is_first, module.name, module.name, module.type)
    or multipart.head(boundary, is_first, module.name, module.name, DEFAULT_TYPE)
end

-- A body as pieces: strings, and modules whose blob is read when their turn comes.
local function form_pieces(modules, boundary)
  local pieces = {}
  for i, module in ipairs(modules) do
    pieces[#pieces + 1] = part_head(boundary, module, i == 1)
    pieces[#pieces + 1] = module.blob_id and module or module.content
  end
  pieces[#pieces + 1] = multipart.tail(boundary, #modules == 0)
  return pieces
end

local function length_of(pieces)
  local length, is_large = 0, false
  for _, piece in ipairs(pieces) do
    local is_module = type(piece) == "table"
    length = length + (is_module and piece.size or #piece)
    is_large = is_large or is_module
  end
  return length, is_large
end

local function write_blob(call, module)
  local position, written = 0, 0
  while written < module.size do
    local block = call.store:block(module.blob_id, position)
    if not block then
      error(("a block of module '%s' is missing"):format(module.name), 0)
    end
    call.request:write(block)
    position, written = position + 1, written + #block
  end
end

local function send(call, headers, pieces)
  local length, is_large = length_of(pieces)
  if not is_large then
    return call:respond(200, headers, pieces)
  end
  call:begin(200, headers, length)
  for _, piece in ipairs(pieces) do
    if type(piece) == "table" then
      write_blob(call, piece)
    else
      call.request:write(piece)
    end
  end
  call.request:finish()
end

--- GET content: a form with one part a module, the entry first; of a service worker the bare
--- source; nothing when there are only assets.
function M.get(call)
  local code, modules = lookup.content(call)
  if not code.code_id then
    return call:respond(204, {}, "")
  end
  local etag = '"' .. code.etag .. '"'
  if is_known(call.headers["if-none-match"], etag) then
    return call:respond(304, { etag = etag }, "")
  elseif code.kind == "service_worker" then
    local source = modules[1].blob_id and modules[1] or modules[1].content
    return send(call, { etag = etag, ["content-type"] = "application/javascript" }, { source })
  end
  local boundary = multipart.boundary()
  local headers = {
    etag = etag,
    ["content-type"] = multipart.content_type(boundary),
    ["cf-entrypoint"] = code.entry,
  }
  return send(call, headers, form_pieces(modules, boundary))
end

-- ---- in -----------------------------------------------------------------------------------------

-- What names the entry: its kind and name, and whether a header did, which means a part's name.
local function named_entry(call, metadata)
  local main = call.headers["cf-worker-main-module-part"]
  local body = call.headers["cf-worker-body-part"]
  if main then
    return "module", main, true
  elseif body then
    return "service_worker", body, true
  elseif metadata then
    local kind, name = upload.named_entry(metadata, call)
    return kind, name, false
  end
end

-- The new code of a script whose code is `before`. A bare source keeps the name it had.
local function read_code(call, request, before)
  if request.raw then
    if before and before.kind == "service_worker" then
      request.raw.name = before.entry
    end
    return upload.raw(request.raw, call)
  end
  local kind, name, is_part_name = named_entry(call, request.metadata)
  if not name and not request.metadata then
    upload_body.refuse_without_metadata(request, call)
  elseif not name then
    errors.invalid("Neither a header nor the metadata names the main module", "/main_module")
  end
  return upload.content(kind, name, is_part_name, request.files, call)
end

-- The parts that bindings refer to, which stay.
local function bound_parts(bindings)
  local parts = {}
  for _, binding in ipairs(bindings) do
    if binding_of.has_part(binding) then
      parts[#parts + 1] = binding.part
    end
  end
  return parts
end

--- PUT content: replaces the code and nothing else.
function M.put(call)
  local state = lookup.present_state(call)
  local request = upload_body.read_any(call)
  local script = publish.change(call, lookup.present_state, state, function (script)
    script.code = read_code(call, request, script.code)
    handlers.find(call, script.code)
    return { carried_parts = bound_parts(script.bindings) }
  end)
  return script.document
end

return M
