-- Checks names before they become path segments. Refused is what no URL can carry, what no log can
-- show, and what makes two paths of one; everything else is the API's to judge.
local errors = require "moonherd.error"
local printable = require "moonherd._printable"

local M = {}

local LONGEST = 255 -- bytes
local SHOWN = 64 -- bytes of a wrong name that its message shows

--- A text from outside as it may stand in a message: short, valid UTF-8, on one line.
---@param text string
---@return string shown
function M.shown(text)
  text = printable.line(text)
  if #text <= SHOWN then return text end
  return text:sub(1, SHOWN):gsub("[\xC0-\xF4][\x80-\xBF]*$", "") .. "…"
end

--- Whether a name can be a path segment. URLs resolve the others away: what was meant for one
--- script would reach all of them.
---@param name string
---@return boolean
function M.is_segment(name)
  return name ~= "" and name ~= "." and name ~= ".."
end

-- What is wrong with a name, or nil.
local function fault_of(name)
  if name == "" then return "it is empty" end
  if not M.is_segment(name) then return "a URL cannot carry it" end
  if #name > LONGEST then
    return ("at most %d bytes are allowed, it has %d"):format(LONGEST, #name)
  end
  if not utf8.len(name) then return "it is not UTF-8" end
  if name:find "%c" then return "control characters are not allowed" end
end

local function refuse(name, who, what, fault)
  errors.usage("%s: '%s' cannot be the name of %s: %s", who, M.shown(name), what, fault)
end

--- Checks the name of a thing inside a script, and returns it.
---@param name any
---@param who string  the public name of the function
---@param what string  "a namespace"
---@return string name
function M.check(name, who, what)
  if type(name) ~= "string" then
    errors.usage("%s: the name of %s is expected, got %s", who, what, type(name))
  end
  local fault = fault_of(name)
  if fault then refuse(name, who, what, fault) end
  return name
end

--- Checks the name of a namespace or a script, and returns it: official clients send these as they
--- are, so that a slash would name something else.
---@param name any
---@param who string  the public name of the function
---@param what string  "a namespace"
---@return string name
function M.check_worker(name, who, what)
  M.check(name, who, what)
  if name:find("/", 1, true) then refuse(name, who, what, "'/' is not allowed") end
  return name
end

return M
