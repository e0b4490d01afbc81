-- Lines that become code: an expression, statements, or a part of them to which more lines belong.
-- Of several lines that come at once the last statement may be an expression, too.
local M = {}

M.__index = M

--- A place to put lines.
---@return table lines
function M.new()
  return setmetatable({ pending = nil, starts = {} }, M)
end

--- Forgets lines that are no whole statement yet.
function M:drop()
  self.pending, self.starts = nil, {}
end

-- What Lua says of a text that ends too early. A text may hold such a message itself.
local function is_unfinished(why)
  return why ~= nil and why:sub(-5) == "<eof>"
end

local function compile(code)
  return load(code, "=repl", "t")
end

local MOST_STARTS <const> = 100 -- lines of a paste that are tried; each is read again for it

-- Where the last statement may begin: at lines of the new text, the lines before which are whole.
-- What is pending is not, so nothing begins where the new text does.
local function add_starts(starts, code, new)
  local lines = {}
  for at in code:gmatch("\n()", new) do lines[#lines + 1] = at end
  for i = math.max(#lines - MOST_STARTS, 0) + 1, #lines do
    if compile(code:sub(1, lines[i] - 1)) then starts[#starts + 1] = lines[i] end
  end
end

-- Lua reads a line that begins with a bracket or a string as one with the line before it; where
-- that is what it means, it is left so.
local function goes_on(code, at)
  return not code:find("^%s*[%a_]", at)
end

-- A variable that is to be closed makes a call behind `return` one like any other: a tail call
-- would take the line it stands in from the trace.
local RETURN <const> = "local _result <close> = nil return "

-- The code with the value of its last statement: the longest one, as Lua would read it.
local function with_value(code, starts, is_chunk)
  local chunk, why = compile("return " .. code)
  local is_open = is_unfinished(why)
  if chunk or is_open then return chunk, is_open end
  for _, at in ipairs(starts) do
    if not (is_chunk and goes_on(code, at)) then
      chunk, why = compile(code:sub(1, at - 1) .. RETURN .. code:sub(at))
      if chunk then return chunk end
      is_open = is_open or is_unfinished(why)
    end
  end
  return nil, is_open
end

--- Adds a text of one or more lines.
---@param text string  Lua; `= x` is `x`, as it was in older ones
---@return function? chunk  when there is a whole one
---@return string? why  what is wrong with it; both nil: more lines belong to it
function M:add(text)
  local pending = self.pending
  local code = pending and pending .. "\n" .. text or text:gsub("^%s*=", "", 1)
  add_starts(self.starts, code, pending and #pending + 2 or 1)
  local chunk, why = compile(code)
  local valued, is_open = with_value(code, self.starts, chunk ~= nil)
  if not valued and not chunk and (is_open or is_unfinished(why)) then
    self.pending = code
    return nil, nil
  end
  self:drop()
  return valued or chunk, why
end

return M
