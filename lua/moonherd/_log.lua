-- The log, for the modules of moonherd: a message with fields, written through the handle's masker.
-- Scripts use moonherd.log, which is made of it.
local sink = require "moonherd._sink"

local M = { hide = sink.hide, mask = sink.mask }

local LEVELS = { error = 0, warn = 1, info = 2, debug = 3 }

-- Whether a line of this level would be written: ask before building an expensive one.
function M.is_on(level)
  return LEVELS[level] <= sink.level()
end

-- level: "error", "warn", "info" or "debug"; fields: what JSON can hold, by name, or nil.
function M.write(level, message, fields)
  if not M.is_on(level) then return end
  if fields == nil or next(fields) == nil then return sink.write(level, message) end
  local object, err = require "moonherd._json".encode(fields, "log." .. level)
  if object == nil then error(err, 0) end
  sink.write(level, message, object:sub(2, -2))
end

return M
