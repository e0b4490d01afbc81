-- Reads the types of definitions, as lua-language-server writes them: tells whether a text is one,
-- and which names it refers to.
local M = {}

local BASE = {}
for name in ([[any nil boolean string number integer function table userdata thread
  self]]):gmatch "%a+" do
  BASE[name] = true
end

local Reader = {}
Reader.__index = Reader

function Reader:fail(expected)
  error(("%s expected at '%s'"):format(expected, self.text:sub(self.at)), 0)
end

-- Takes what a pattern matches here, white space in front of it left out.
function Reader:take(pattern)
  local from, to = self.text:find("^%s*" .. pattern, self.at)
  if not from then return nil end
  local taken = self.text:sub(from, to):match "^%s*(.*)$"
  self.at = to + 1
  return taken
end

function Reader:expect(pattern, what)
  return self:take(pattern) or self:fail(what)
end

function Reader:list(closer, item)
  if self:take(closer) then return end
  repeat item(self) until not self:take ","
  self:expect(closer, closer)
end

-- fun(a: string, b?: table, ...: any): string, integer?
function Reader:of_function()
  if not self:take "%(" then return end
  self:list("%)", function ()
    if not self:take "%.%.%." then
      self:expect("[%a_][%w_]*", "a name")
      self:take "%?"
    end
    if self:take ":" then self:union() end
  end)
  if not self:take ":" then return end
  repeat
    if not self:take "%.%.%." then self:union() end
  until not self:take ","
end

-- { name: string, [string]: any }
function Reader:of_table()
  self:list("}", function ()
    if self:take "%[" then
      self:union()
      self:expect("%]", "]")
    else
      self:expect("[%a_][%w_]*", "a name")
      self:take "%?"
    end
    self:expect(":", ":")
    self:union()
  end)
end

function Reader:atom()
  if self:take "%(" then
    self:union()
    return self:expect("%)", ")")
  end
  if self:take "{" then return self:of_table() end
  if self:take '"[^"]*"' or self:take "%.%.%." then return end
  local name = self:expect("[%a_][%w_.]*", "a type")
  if name == "fun" then return self:of_function() end
  if self:take "<" then
    repeat self:union() until not self:take ","
    self:expect(">", ">")
  end
  if not BASE[name] then self.names[#self.names + 1] = name end
end

function Reader:union()
  repeat
    self:atom()
    while self:take "%[%]" or self:take "%?" do end
  until not self:take "|"
end

--- Reads a type at the start of a text.
---@param text string
---@return string[] names  what it refers to besides Lua's own types; raises where it is no type
---@return string rest  what stands behind it
function M.read(text)
  local reader = setmetatable({ text = text, at = 1, names = {} }, Reader)
  reader:union()
  return reader.names, text:sub(reader.at)
end

return M
