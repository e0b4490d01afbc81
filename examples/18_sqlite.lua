-- 18_sqlite.lua: a database of the script's own: what was deployed, and what that cost.
--   moonherd run --target local examples/18_sqlite.lua
local moonherd = require "moonherd"
local folder <close> = moonherd.fs.temp_dir()

local db <close> = moonherd.sqlite.open(moonherd.fs.join(folder.path, "deployments.db"), {
  migrations = {
    "CREATE TABLE deployment(tenant TEXT PRIMARY KEY, etag TEXT, requests INTEGER)",
    "CREATE TABLE credit(tenant TEXT PRIMARY KEY, left INTEGER)",
  },
})

local ns = moonherd.connect():ensure_namespace "accounted"
for i, tenant in ipairs { "acme", "globex", "initech" } do
  local result = ns:script(tenant):upload {
    modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
    compatibility_date = "2026-10-01",
  }
  db:exec("INSERT INTO deployment VALUES (?, ?, ?)", tenant, result.etag, i)
  db:exec("INSERT INTO credit VALUES (?, ?)", tenant, 2)
end

for row in db:rows "SELECT tenant, etag IS NOT NULL AS live FROM deployment ORDER BY tenant" do
  print(row.tenant, row.live)
end

-- All or nothing: what misses its expectation undoes the list.
for row in db:rows "SELECT tenant, requests FROM deployment ORDER BY tenant" do
  local _, missed = db:exec_all {
    { "DELETE FROM deployment WHERE tenant = ?", row.tenant },
    { "UPDATE credit SET left = left - ? WHERE tenant = ? AND left >= ?", row.requests, row.tenant,
      row.requests, expect = 1 },
  }
  if missed then print(row.tenant, "has no credit left") end
end
print(db:first "SELECT count(*) AS n FROM deployment".n)
