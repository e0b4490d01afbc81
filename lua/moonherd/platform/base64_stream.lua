-- Base64 that arrives in pieces. Line breaks may stand anywhere in it, padding only at its end.

local hash = require "moonherd.hash"

local M = {}

local Stream = {}
Stream.__index = Stream

--- Makes a stream for one text.
function M.new()
  return setmetatable({ rest = "", is_padded = false }, Stream)
end

--- The bytes of the next piece of the text; nil when it is wrong.
function Stream:feed(text)
  text = self.rest .. text:gsub("[\r\n]+", "")
  local whole = #text - #text % 4
  self.rest = text:sub(whole + 1)
  if whole == 0 then
    return ""
  elseif self.is_padded then
    return nil
  end
  self.is_padded = text:sub(whole, whole) == "="
  return hash.unbase64(text:sub(1, whole))
end

--- Whether the text is complete.
function Stream:is_whole()
  return self.rest == ""
end

return M
