-- Asks the platform and tests its answer: moonherd run holds.lua PATH EXPRESSION. PATH is below the
-- namespaces of the account. In the expression stand `result`, the answer's, without nulls, and
-- `by_name`, which finds an item of a list.
local moonherd = require "moonherd"

local NAMESPACES = "/accounts/{account_id}/workers/dispatch/namespaces"

local function by_name(list, name)
  for _, item in ipairs(list) do
    if item.name == name then return item end
  end
  return {}
end

local result = moonherd.connect():request { path = NAMESPACES .. arg[1] }
local test = assert(load("return " .. arg[2], "=expression", "t",
  { result = result, by_name = by_name, null = moonherd.json.null, type = type }))
if not test() then
  print(("not so: %s"):format(arg[2]))
  print(type(result) == "string" and result or moonherd.json.pretty(result))
  return 1
end
