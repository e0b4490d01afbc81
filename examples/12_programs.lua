-- 12_programs.lua: other programs in a deployment: one that builds, one that fails, one that hangs.
--   moonherd run --target local examples/12_programs.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "built"

-- Arguments are a list: no shell reads them, so nothing needs quotes.
local template = "export default { fetch() { return new Response('@NAME@') } }"
local function build(name)
  return moonherd.sh({ "sed", ("s/@NAME@/%s/"):format(name) }, { stdin = template }).stdout
end

-- Four builds at once, in the order of the names.
local names = { "acme", "globex", "initech", "umbrella" }
local built = moonherd.map(names, { concurrency = 4 }, build)
for i, name in ipairs(names) do
  ns:script(name):upload {
    modules = { ["worker.mjs"] = built[i] }, compatibility_date = "2026-10-01",
  }
end
print(ns:script("globex"):content().modules["worker.mjs"].content)

-- The lines of a program as they come, each behind a name.
moonherd.sh({ "printf", "%s\n", "checked", "signed" }, { stream = "build | " })

local _, err = moonherd.try(moonherd.sh, { "sh", "-c", "echo 'no such rule' >&2; exit 2" })
print(err.reason, err.code, err.stderr)

_, err = moonherd.try(moonherd.sh, { "sleep", "3600" }, { timeout = "50ms" })
print(err.reason, err.message)

print(moonherd.sh({ "test", "-e", "no.lock" }, { check = false }).code)
