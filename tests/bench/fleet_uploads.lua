-- Uploads of small scripts to a namespace, sixteen at once:
--
--   moonherd --target TARGET fleet_uploads.lua COUNT [LEDGER]
--
-- With a ledger they are the items of a job, else of a plain loop. Prints the microseconds of CPU
-- of this process that one has cost, its start left out.
local moonherd = require "moonherd"

local count, ledger = math.tointeger(arg[1]), arg[2]
local source = "export default { fetch() { return new Response() } }\n// " .. ("x"):rep(1990)
local ns = moonherd.connect { budget = false }:ensure_namespace "bench"

local function uploads()
  local i = 0
  return function ()
    i = i + 1
    if i > count then return nil end
    return ("script-%05d"):format(i), {
      main_module = "worker.mjs", modules = { ["worker.mjs"] = source },
      compatibility_date = "2026-10-01", tags = { "customer:" .. i },
      bindings = { CUSTOMER = "customer-" .. i },
    }
  end
end

local began = os.clock()
local report
if ledger then
  report = ns:upload_all(uploads(), { ledger = ledger, concurrency = 16 })
else
  report = moonherd.each(uploads(), { concurrency = 16 }, function (name, spec)
    ns:script(name):upload(spec)
  end)
end
assert(report.done == count, "not all were uploaded")
print(("%.1f"):format((os.clock() - began) / count * 1e6))
