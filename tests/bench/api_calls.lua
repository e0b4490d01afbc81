-- CPU per API call: N calls of the client, 64 in flight, a task for each, the answer decoded.
--   moonherd --target URL tests/bench/api_calls.lua N [budget]
-- With `budget`, requests are taken from one that never runs out.
local moonherd = require "moonherd"

local count = math.tointeger(tonumber(arg[1] or 20000))
local ns = moonherd.connect {
  account_id = ("0"):rep(32), api_token = "bench-token",
  budget = arg[2] == "budget" and { quota = 300000000 },
}:namespace "production"

local function call() return ns:details() end
local function run(n)
  local left = n
  moonherd.scope(function ()
    for _ = 1, 64 do
      moonherd.spawn(function ()
        while left > 0 do
          left = left - 1
          assert(moonherd.spawn(call):wait().namespace_name == "production")
        end
      end)
    end
  end)
end

run(1000)
local start = os.clock()
run(count)
print(("%.1f us CPU per request"):format((os.clock() - start) * 1e6 / count))
