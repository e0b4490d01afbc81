-- Error objects: what every call of moonherd raises. Made here and in C (runtime/core/error.c),
-- which owns the metatable; this file must never print or log one.
--
-- Fields, all but the first three optional:
--   kind      usage, io, timeout, cancelled, http, api, process, internal, script
--   reason    a fixed word for the cause, such as script_not_found: what scripts compare
--   message   one line for people          hint       what to do about it
--   code      the API's integer            errors     every entry of the API's answer
--   messages  the answer's messages        status     the HTTP status
--   method    path      of the request     attempts   how often it was sent
--   history   one entry an attempt         ray_id     Cloudflare's name for the request
--   retryable whether the same call may succeed later and may be sent again
--   cause     the error behind this one    trace      where it was raised
local raw = require "moonherd._error"

local M = {}

local set = raw.set

--- Makes an error object of a table of fields, without raising it.
---@param fields table  kind, reason, message and any other field; becomes the object itself
---@return table error  the same table
---@example
--- local err = error.new { kind = "usage", reason = "usage", message = "no such tenant" }
function M.new(fields)
  return set(fields)
end

--- Raises an error object made of a table of fields.
---@param fields table  as for error.new
function M.raise(fields)
  error(set(fields), 0)
end

--- Raises a `usage` error: the caller gave a wrong argument.
---@param format string  as string.format takes it; starts with the public name of the function
---@param ... any  what it formats
function M.usage(format, ...)
  error(set { kind = "usage", reason = "usage", message = format:format(...) }, 0)
end

--- Tells whether a value is an error object.
---@param value any
---@return boolean is_error
function M.is(value)
  return raw.is(value)
end

-- What is left out of a report: `trace` stands beside it, and `cause` may be anything.
local function plain(value, depth)
  local kind = type(value)
  if kind == "string" or kind == "number" or kind == "boolean" then return value end
  if kind ~= "table" or depth > 8 then return tostring(value) end
  if raw.is(value) and depth > 0 then return tostring(value) end
  local copy, count = {}, 0
  for key, member in pairs(value) do
    count = count + 1
    if type(key) == "string" or math.type(key) == "integer" then
      copy[key] = plain(member, depth + 1)
    end
  end
  if #copy ~= count then
    for i = 1, #copy do copy[tostring(i)], copy[i] = copy[i], nil end
  end
  return copy
end

--- Encodes an error object as JSON: all its fields; values that JSON lacks as text.
---@param err table  an error object
---@return string json
---@example
--- print(error.to_json(error.new { kind = "usage", reason = "usage", message = "no" }))
function M.to_json(err)
  return require "moonherd.json".encode(plain(err, 0))
end

return M
