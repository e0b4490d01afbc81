-- 3_errors.lua: failures are values with a reason, and one of many does not stop the others.
--   moonherd run --target local examples/3_errors.lua
local moonherd = require "moonherd"
local client = moonherd.connect()

local lost = client:namespace("nowhere"):script "x"
local _, err = moonherd.try(lost.details, lost)
print(err.kind, err.reason, err.code)
print(err.hint)

local ns = client:ensure_namespace "errors"
local sources = {
  good = "export default { fetch() { return new Response('fine') } }",
  empty = "",
  also_good = "export default { fetch() { return new Response('fine, too') } }",
}
local names = { "good", "empty", "also_good" }

local report = moonherd.each(names, { concurrency = 2 }, function (name)
  ns:script(name):upload {
    modules = { ["worker.mjs"] = sources[name] }, compatibility_date = "2026-10-01",
  }
end)
print(("%d deployed, %d refused"):format(report.done, #report.failed))
for _, failure in ipairs(report.failed) do print(failure.item, failure.error.reason) end

-- A wrong option is found before anything is sent, and the right one is named.
_, err = moonherd.try(ns.delete, ns, { expects = 2 })
print(err.message)
