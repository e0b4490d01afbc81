-- What scripts see: `local moonherd = require "moonherd"`. Parts are loaded at their first use.
local async = require "moonherd.async"
local parts = require "moonherd._parts"

local M = {}
for name, value in pairs(async) do M[name] = value end

return setmetatable(M, {
  __index = function (self, name)
    local part = parts[name]
    if part == nil then return nil end
    local value
    if type(part) == "string" then
      value = require(part)
    else
      value = require(part[1])[part[2]]
    end
    self[name] = value
    return value
  end,
})
