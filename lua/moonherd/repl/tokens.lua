-- A piece of Lua as tokens, up to the cursor: what is before it may not be whole, so nothing here
-- fails. Knows brackets and strings, which is what completion needs; it checks nothing.
local M = {}

local OPENERS = { [")"] = "(", ["]"] = "[", ["}"] = "{" }

-- Where a long bracket that opens at `at` ends, and the text in it; nil when none opens there.
local function long_bracket(text, at)
  local level = text:match("^%[(=*)%[", at)
  if not level then return nil end
  local from = at + #level + 2
  local first, last = text:find("]" .. level .. "]", from, true)
  return last or #text, text:sub(from, (first or #text + 1) - 1), last == nil
end

-- Likewise of a string in quotes, which ends with its line at the latest.
local function quoted(text, at)
  local quote, i = text:sub(at, at), at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == quote then return i, text:sub(at + 1, i - 1), false end
    if c == "\n" then break end
    i = i + (c == "\\" and 2 or 1)
  end
  return math.min(i, #text), text:sub(at + 1), true
end

local function comment_end(text, at)
  return long_bracket(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1
end

-- The token at a place that is no blank: kind, last byte, text, and whether it is a string without
-- an end.
local function read(text, at)
  if text:find("^%-%-", at) then return nil, comment_end(text, at) end
  if text:find("^[\"']", at) then
    local last, value, is_open = quoted(text, at)
    return "string", last, value, is_open
  end
  local last, value, is_open = long_bracket(text, at)
  if last then return "string", last, value, is_open end
  for kind, pattern in pairs { name = "^[%a_][%w_]*", number = "^%d[%w_.]*" } do
    local word = text:match(pattern, at)
    if word then return kind, at + #word - 1, word end
  end
  return "symbol", at, text:sub(at, at)
end

--- Reads a text.
---@param text string
---@return table[] tokens  each with `kind` (name, number, string, symbol), `text`, `first` and
---  `last`, its bytes; a closing bracket with `opener`, the index of its opening one; a string
---  without an end with `is_open`
---@return integer[] open  the indices of the brackets that are not closed, outermost first
function M.read(text)
  local tokens, open, at = {}, {}, text:find "%S"
  while at do
    local kind, last, value, is_open = read(text, at)
    if kind then
      local token = { kind = kind, text = value, first = at, last = last, is_open = is_open }
      tokens[#tokens + 1] = token
      if kind == "symbol" and value:find "[%(%[{]" then open[#open + 1] = #tokens
      elseif open[1] and tokens[open[#open]].text == OPENERS[value] then
        token.opener = table.remove(open)
      end
    end
    at = text:find("%S", last + 1)
  end
  return tokens, open
end

return M
