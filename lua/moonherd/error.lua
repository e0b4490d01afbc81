-- Error objects: what every call of moonherd raises. Made here and in C (runtime/core/error.c),
-- which owns the metatable; this file must never print or log one.
local raw = require "moonherd._error"

local M = {}

local set = raw.set

--- What every call of moonherd raises. `tostring` makes one line of it; what is absent is not known
--- or does not apply.
---
--- Every function raises `usage` `usage` for arguments of a wrong type and for options that it does
--- not know. Every call that waits raises `cancelled` `cancelled` when its task is cancelled, and
--- `timeout` `timeout` when the time of an enclosing moonherd.timeout is over.
---@class error
---@field kind string  usage, io, timeout, cancelled, http, api, process, internal or script
---@field reason string  a fixed word for the cause, such as script_not_found: what scripts compare
---@field message string  one line for people
---@field hint? string  what to do about it
---@field code? integer  the number the API gives its error, or the exit code of a program
---@field errors? table[]  every entry of the API's answer: code, message, documentation_url, source
---@field messages? table[]  the messages of that answer
---@field status? integer  the HTTP status
---@field method? string  of the request
---@field path? string  of the request, or of the file
---@field attempts? integer  how often the request was sent
---@field history? table[]  one entry an attempt: kind, reason, message, status
---@field requests? integer  how many requests the call sent, with looks at what is live, and those
---  of its operation that went before
---@field ray_id? string  Cloudflare's name for the request, which its support asks for
---@field retry_after? number  seconds that the server asked to wait
---@field should_retry? boolean  the server's own word about sending again
---@field retryable? boolean  whether the same call may succeed later and may be sent again
---@field outcome? string  of a write: "not_applied", or "unknown" when it may have been done all
---  the same
---@field sent? boolean  of the HTTP client: whether any byte of the request has left
---@field cause? error  the error behind this one
---@field also? table[]  those of tasks that failed beside this one, which nothing else raises
---@field trace? string  where it was raised
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

-- ---- reports: an error may hold anything; its report must neither fail nor grow for ever --------

local MOST_VALUES <const>, MOST_LEVELS <const>, LONGEST_TEXT <const> = 1000, 8, 65536

-- Valid UTF-8, with U+FFFD in the place of every byte that belongs to no character.
local function to_utf8(text)
  if #text > LONGEST_TEXT then
    text = ("%s… (%d bytes)"):format(text:sub(1, LONGEST_TEXT), #text)
  end
  local pieces, from = {}, 1
  while true do
    local _, bad = utf8.len(text, from)
    if not bad then break end
    pieces[#pieces + 1] = text:sub(from, bad - 1)
    from = bad + 1
  end
  pieces[#pieces + 1] = text:sub(from)
  return table.concat(pieces, "\u{FFFD}")
end

local function to_text(value)
  local ok, text = pcall(tostring, value)
  return to_utf8(ok and text or type(value))
end

local function is_list(value)
  local count = 0
  for _ in next, value do count = count + 1 end
  return count > 0 and count == rawlen(value)
end

local plain

local function plain_list(list, level, left)
  local copy = {}
  for i = 1, math.min(rawlen(list), left[1]) do copy[i] = plain(list[i], level, left) end
  return copy
end

-- Tables come last: a large one would take all that is left.
local function plain_object(object, level, left)
  local copy = {}
  for _, are_tables in ipairs { false, true } do
    for name, member in next, object do
      if left[1] > 0 and (type(member) == "table") == are_tables then
        copy[to_text(name)] = plain(member, level, left)
      end
    end
  end
  return copy
end

-- A copy that JSON can hold. `left`: how many values may be copied still, in a table of one.
function plain(value, level, left)
  local kind = type(value)
  left[1] = left[1] - 1
  if kind == "boolean" then return value end
  if kind == "number" and value - value == 0 then return value end
  local is_inner_error = raw.is(value) and level > 0
  if kind ~= "table" or is_inner_error or level > MOST_LEVELS or left[1] <= 0 then
    return to_text(value)
  end
  if is_list(value) then return plain_list(value, level + 1, left) end
  return plain_object(value, level + 1, left)
end

--- Encodes an error object as JSON: all its fields; values that JSON lacks as text, what is too
--- long or too deep cut short.
---@param err any  an error object; anything else becomes its message
---@return string json
---@example
--- print(error.to_json(error.new { kind = "usage", reason = "usage", message = "no" }))
function M.to_json(err)
  if not raw.is(err) then err = { message = err } end
  return require "moonherd.json".encode(plain(err, 0, { MOST_VALUES }))
end

return M
