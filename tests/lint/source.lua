-- Reads the project's sources for the checks beside this file, and reports what they find.
-- Run with plain lua5.4 from the top of the tree; needs nothing that has been built.

local M = {}

local findings = 0

-- The files git knows (or would add), without those that are gone, in order.
local function listed()
  local list = {}
  local pipe = assert(io.popen "git ls-files --cached --others --exclude-standard | sort -u")
  for path in pipe:lines() do
    local file = io.open(path)
    if file then
      file:close()
      list[#list + 1] = path
    end
  end
  pipe:close()
  return list
end

local all

--- Iterates over the paths that match one of the Lua patterns.
function M.files(...)
  local patterns = { ... }
  all = all or listed()
  return coroutine.wrap(function ()
    for _, path in ipairs(all) do
      for _, pattern in ipairs(patterns) do
        if path:find(pattern) then
          coroutine.yield(path)
          break
        end
      end
    end
  end)
end

function M.read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- Spaces in place of everything but newlines, so that lines keep their numbers.
local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- Where the token that starts at `at` ends, and what it is: "comment", "string" or nil.
local function c_token(text, at)
  local two = text:sub(at, at + 1)
  if two == "/*" then return select(2, text:find("*/", at + 2, true)) or #text, "comment" end
  if two == "//" then return (text:find("\n", at, true) or #text + 1) - 1, "comment" end
  local quote = two:match "^[\"']"
  if not quote then return at end
  local stop = at + 1
  while stop <= #text and text:sub(stop, stop) ~= quote do
    stop = stop + (text:sub(stop, stop) == "\\" and 2 or 1)
  end
  return stop, "string"
end

local function lua_token(text, at)
  local dashes = text:match("^%-%-()", at)
  local level = text:match("^%[(=*)%[", dashes or at)
  if level then
    local stop = select(2, text:find("]" .. level .. "]", at, true)) or #text
    return stop, dashes and "comment" or "string"
  end
  if dashes then return (text:find("\n", at, true) or #text + 1) - 1, "comment" end
  if text:find("^[\"']", at) then return c_token(text, at) end
  return at
end

--- The text of a source without comments, and without what stands in quotes unless
--- `keep_strings`.
function M.code(path, keep_strings)
  local text = M.read(path)
  local is_lua = path:find "%.lua$"
  local token = is_lua and lua_token or c_token
  local start = is_lua and "[-%[\"']" or "[/\"']"
  local parts, at = {}, 1
  while true do
    local next = text:find(start, at)
    if not next then break end
    parts[#parts + 1] = text:sub(at, next - 1)
    local stop, kind = token(text, next)
    local found = text:sub(next, stop)
    if kind == "string" and not keep_strings then
      found = found:sub(1, 1) .. blank(found:sub(2, -2)) .. found:sub(-1)
    elseif kind == "comment" then
      found = blank(found)
    end
    parts[#parts + 1] = found
    at = stop + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts)
end

--- Iterates over number and line.
function M.lines(text)
  local number = 0
  local next = (text .. (text:find "\n$" and "" or "\n")):gmatch "([^\n]*)\n"
  return function ()
    number = number + 1
    local line = next()
    if line then return number, line end
  end
end

function M.report(path, line, format, ...)
  findings = findings + 1
  io.stderr:write(("%s:%d: %s\n"):format(path, line, format:format(...)))
end

--- Ends the check: status 1 when it found something.
function M.finish()
  os.exit(findings == 0)
end

return M
