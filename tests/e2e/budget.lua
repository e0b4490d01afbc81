-- For budget.sh: COUNT requests through the budget of a group.
local moonherd = require "moonherd"

local count = math.tointeger(tonumber(arg[1]))
local client = moonherd.connect {
  account_id = ("0"):rep(32), retry = false, budget = { group = "budget.sh", reserve = 0 },
}
local numbers = {}
for i = 1, count do numbers[i] = i end
moonherd.map(numbers, function () return client:namespaces() end)
local budget = client:budget()
assert(budget.used == count and budget.limit == 120 and budget.group == "budget.sh")
