-- Statements of moonherd.sqlite as the store takes them.
local errors = require "moonherd.error"
local store = require "moonherd.store"

local M = {}

--- A statement; an argument that is nil is NULL.
function M.make(who, sql, ...)
  if type(sql) ~= "string" then
    errors.usage("%s: bad SQL (string expected, got %s)", who, type(sql))
  end
  local list = table.pack(sql, ...)
  for i = 2, list.n do list[i] = store.or_null(list[i]) end
  list.n = nil
  return list
end

--- Runs one on a store, or on a transaction of it.
---@async
function M.exec(on, who, sql, ...)
  local result = on:write({ M.make(who, sql, ...) }, who)[1]
  return result.changes, result.rows
end

return M
