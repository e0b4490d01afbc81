-- Lines that become code: an expression, statements, or a part of them to which more lines belong.
local M = {}

M.__index = M

--- A place to put lines.
---@return table lines
function M.new()
  return setmetatable({ pending = nil }, M)
end

--- Forgets lines that are no whole statement yet.
function M:drop()
  self.pending = nil
end

-- What Lua says of a text that ends too early. A text may hold such a message itself.
local function is_unfinished(why)
  return why:sub(-5) == "<eof>"
end

--- Adds a line.
---@param text string  Lua; `= x` is `x`, as it was in older ones
---@return function? chunk  when there is a whole one
---@return string? why  what is wrong with it; both nil: more lines belong to it
function M:add(text)
  local code = self.pending and self.pending .. "\n" .. text or text:gsub("^%s*=", "", 1)
  local chunk, why
  if not self.pending then chunk = load("return " .. code, "=repl", "t") end
  if not chunk then chunk, why = load(code, "=repl", "t") end
  self.pending = not chunk and is_unfinished(why) and code or nil
  if self.pending then return nil, nil end
  return chunk, why
end

return M
