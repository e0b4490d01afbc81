-- Updates that are not seen at once: for some seconds a script is shown as it was before. The first
-- upload of a script is seen at once, as the service promises.

local clock = require "moonherd._clock"

local M = {}

local Lag = {}
Lag.__index = Lag

--- Makes an empty set of scripts that are shown as they were.
function M.new()
  return setmetatable({ shown = {} }, Lag)
end

--- Has a script be shown as `row` for some seconds. While it lags already, it stays as it is.
function Lag:keep(key, row, seconds)
  local ends = clock.now() + seconds
  local kept = self.shown[key]
  if kept and clock.now() < kept.ends then
    kept.ends = ends
  elseif row.id then
    self.shown[key] = { row = row, ends = ends }
  end
end

--- What is shown of a script, whose row is `row`.
function Lag:view(key, row)
  local kept = self.shown[key]
  if not kept then
    return row
  elseif clock.now() < kept.ends and row.id then
    return kept.row
  end
  self.shown[key] = nil
  return row
end

return M
