-- Reads the text of .env files: NAME=value lines, `export` in front, # comments, on a line of
-- values behind a space; values in single quotes or backticks as they are, in double quotes with
-- \n, \t, \r, \", \\ and \$, all three over several lines. Lines may end in CR LF, a BOM may come
-- first. Nothing is put in the place of $NAME. A line that is none of this is an error, where
-- dotenv and Node skip it. Says where something is wrong, never what it says there: it may be a
-- secret.
local errors = require "moonherd.error"

local M = {}

local ESCAPES = { n = "\n", t = "\t", r = "\r", ['"'] = '"', ["\\"] = "\\", ["$"] = "$" }

-- Where the quote that opened before `at` is closed, or nil.
local function closing_quote(text, at, quote)
  while true do
    local found = text:find(quote == '"' and '["\\]' or quote, at)
    if not found or text:sub(found, found) == quote then return found end
    at = found + 2
  end
end

local function unescape(value)
  return (value:gsub("\\(.)", function (c) return ESCAPES[c] or "\\" .. c end))
end

-- The value that begins at `at`, and where its line ends; nil and what is wrong.
local function read_value(text, at)
  local quote = text:match("^[\"'`]", at)
  if not quote then
    local value, stop = text:match("^([^\n]*)()", at)
    value = value:gsub("^#.*", ""):gsub("%s#.*", "")
    return value:match "^.*%S" or "", stop -- (.-)%s*$ would look at each run of spaces once a space
  end
  local close = closing_quote(text, at + 1, quote)
  if not close then return nil, "the quote is not closed" end
  local value = text:sub(at + 1, close - 1)
  local stop = text:match("^[ \t]*()", close + 1)
  stop = text:match("^#[^\n]*()", stop) or stop
  if text:find("^[^\n]", stop) then return nil, "something stands behind the quote" end
  return quote == '"' and unescape(value) or value, stop
end

local function line_of(text, at)
  local _, breaks = text:sub(1, at - 1):gsub("\n", "")
  return breaks + 1
end

--- Reads the text of a .env file.
---@param text string
---@param name string  of the file, for errors
---@return table<string, string> values  the last one of each name
---@error usage bad_env  with the line
function M.parse(text, name)
  local values, at = {}, 1
  text = text:gsub("^\xEF\xBB\xBF", ""):gsub("\r\n", "\n")
  local function refuse(where, why)
    errors.raise {
      kind = "usage", reason = "bad_env", line = line_of(text, where),
      message = ("%s:%d: %s"):format(name, line_of(text, where), why),
    }
  end
  -- The environment of a process cannot hold one: what stands behind it would be lost.
  local zero = text:find("\0", 1, true)
  if zero then refuse(zero, "a zero byte") end
  while true do
    at = text:match("^%s*()", at)
    if at > #text then return values end
    if text:byte(at) == 0x23 then
      at = text:match("^[^\n]*()", at)
    else
      local start = text:match("^export[ \t]+()", at) or at
      local key, value_at = text:match("^([%a_][%w_.-]*)[ \t]*=[ \t]*()", start)
      if not key then refuse(at, "NAME=value is expected") end
      local value, stop = read_value(text, value_at)
      if not value then refuse(at, stop) end
      values[key], at = value, stop
    end
  end
end

return M
