-- What the tests of ledgers run: a job whose items write a line into a log. Arguments: the ledger,
-- the log, how many items, how long each takes. A last word makes it a secret, "fail" makes every
-- item fail, "stop" ends the run at the first.
local moonherd = require "moonherd"

local ledger, log, count, pause, how = arg[1], arg[2], tonumber(arg[3]), arg[4], arg[5]
if how and how:find "^secret" then moonherd.log.hide(how) end

local function write(word, key)
  local file <close> = assert(io.open(log, "a"))
  file:write(word, " ", key, "\n")
end

local function was_done(key)
  write("looked", key)
  return moonherd.read(log):find("did " .. key .. "\n", 1, true) ~= nil
end

local function work(key)
  write("began", key)
  moonherd.sleep(pause)
  if how == "fail" or how == "stop" then error("no " .. key) end
  write("did", key)
end

local job = moonherd.job {
  name = "items", ledger = ledger, concurrency = 4,
  on_error = how == "stop" and "stop" or "continue",
}
for i = 1, count do
  local key = "item-" .. i
  job:add(key, function () work(key) end, { verify = function () return was_done(key) end })
end
local report = job:run()
print(("%d done, %d skipped, %d failed"):format(report.done, report.skipped, #report.failed))
return #report.failed == 0
