-- Text of others for a terminal or a report. Names and messages may be anybody's, a server's for
-- one: to a terminal they shall be no commands. Every control character becomes a ?: those of
-- ASCII, those of Latin-1, which UTF-8 writes in two bytes. So does what is no UTF-8: there may be
-- such in it, too.
local M = {}

-- What is no UTF-8 may hold any byte: then none above ASCII is let through.
local function clean(text, controls)
  if not utf8.len(text) then text = text:gsub("[\x80-\xFF]", "?") end
  return (text:gsub(controls, "?"):gsub("\xC2[\x80-\x9F]", "?"))
end

--- As a part of one line.
---@param text string
---@return string
function M.line(text)
  return clean(text, "%c")
end

--- With its line ends and tabs.
---@param text string
---@return string
function M.lines(text)
  return clean(text, "[%z\1-\8\11-\31\127]")
end

local LONGEST <const> = 40 -- bytes of a text that is quoted

--- A value that was given in the place of another, as a part of a message: numbers and texts as
--- they are, of anything else its type.
---@param value any
---@return string
function M.value(value)
  if value ~= value then return "nan" end
  if type(value) == "number" or type(value) == "boolean" then return tostring(value) end
  if type(value) ~= "string" then return type(value) end
  if #value <= LONGEST then return ("'%s'"):format(M.line(value)) end
  return ("'%s…'"):format(M.line((value:sub(1, LONGEST):gsub("[\x80-\xFF]*$", ""))))
end

return M
