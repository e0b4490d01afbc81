-- Base64 that arrives in pieces. Line breaks may stand anywhere in it, padding only at its end.

local hash = require "moonherd.hash"

local M = {}

local Stream = {}
Stream.__index = Stream

--- Makes a stream for one text.
function M.new()
  return setmetatable({ rest = "", is_padded = false }, Stream)
end

-- Most texts have no line breaks, and a plain search finds that out faster than a pattern does,
-- which would take longer than decoding.
local function without_breaks(text)
  if text:find("\n", 1, true) or text:find("\r", 1, true) then
    text = text:gsub("[\r\n]+", "")
  end
  return text
end

--- The bytes of the next piece of the text; nil when it is wrong.
function Stream:feed(text)
  text = self.rest .. without_breaks(text)
  local beyond = #text % 4
  self.rest = beyond == 0 and "" or text:sub(-beyond)
  text = beyond == 0 and text or text:sub(1, -beyond - 1)
  if text == "" then
    return ""
  elseif self.is_padded then
    return nil
  end
  self.is_padded = text:sub(-1) == "="
  return hash.unbase64(text)
end

--- Whether the text is complete.
function Stream:is_whole()
  return self.rest == ""
end

return M
