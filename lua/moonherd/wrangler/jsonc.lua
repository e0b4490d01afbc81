-- JSON with comments and trailing commas, as wrangler.jsonc is written. What JSON does not have is
-- blanked out, not taken out, so that errors name the right line and column.
local errors = require "moonherd.error"
local json = require "moonherd.json"

local M = {}

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- Where the string that starts at `at` ends.
local function end_of_string(text, at)
  local stop = at + 1
  while true do
    stop = text:find('["\\]', stop)
    if not stop then return #text end
    if text:sub(stop, stop) == '"' then return stop end
    stop = stop + 2
  end
end

-- Where the comment that starts at `at` ends; nil when there is none.
local function end_of_comment(text, at)
  local two = text:sub(at, at + 1)
  if two == "//" then return (text:find("\n", at, true) or #text + 1) - 1 end
  if two == "/*" then return select(2, text:find("*/", at + 2, true)) or #text end
end

local function without_comments(text)
  local parts, at = {}, 1
  while true do
    local next = text:find('["/]', at)
    if not next then break end
    parts[#parts + 1] = text:sub(at, next - 1)
    local comment = end_of_comment(text, next)
    local stop = comment or text:sub(next, next) == '"' and end_of_string(text, next) or next
    local found = text:sub(next, stop)
    parts[#parts + 1] = comment and blank(found) or found
    at = stop + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts)
end

-- One comma before a closing bracket is taken as if it were not there, when a value is before it.
local function without_trailing_commas(text)
  local parts, at, last = {}, 1, ","
  while true do
    local next = text:find('[",]', at)
    if not next then break end
    local is_string = text:sub(next, next) == '"'
    local stop = is_string and end_of_string(text, next) or next
    last = text:sub(at, next - 1):match "(%S)%s*$" or last
    local is_trailing = not is_string and not last:find "[%[{,]"
      and text:find("^%s*[%]}]", next + 1)
    last = is_string and '"' or ","
    parts[#parts + 1] = text:sub(at, next - 1) .. (is_trailing and " " or text:sub(next, stop))
    at = stop + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts)
end

--- Decodes it. Members that are null are left out.
---@param text string
---@param path string  for messages
---@return any value
---@error usage bad_json  with line and column
function M.decode(text, path)
  text = text:gsub("^\xEF\xBB\xBF", "")
  local plain = without_trailing_commas(without_comments(text))
  local ok, value = pcall(json.decode, plain, { nulls = false })
  if ok then return value end
  if errors.is(value) then value.message = path .. ": " .. value.message end
  return error(value, 0)
end

return M
