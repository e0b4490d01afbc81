-- deploy.lua: the Workers of examples/workers for 60 tenants, 16 at a time. Deploys them, reads
-- every one back and compares it byte for byte, deploys the next release, deletes who has left.
--   moonherd run --target local examples/deploy.lua [NAMESPACE]
local moonherd = require "moonherd"

local TENANTS, AT_ONCE, LEAVING = 60, 16, 5
local client = moonherd.connect()
local ns = client:ensure_namespace(arg[1] or "tenants")

-- ---- what is deployed ---------------------------------------------------------------------------

local SHOP = { "index.mjs", "lib/catalogue.mjs", "lib/money.mjs", "lib/router.mjs",
  "templates/page.txt", "data/rates.bin", "wasm/money.wasm" }

local function read_shop()
  local modules = {}
  for _, name in ipairs(SHOP) do modules[name] = moonherd.read("workers/shop/" .. name) end
  return modules
end

local shop = { main_module = "index.mjs", modules = read_shop() }
local legacy = { script = moonherd.read "workers/legacy/worker.js" }

-- Every fifth tenant still has the old site.
local tenants = {}
for i = 1, TENANTS do
  tenants[i] = { id = ("tenant-%02d"):format(i), code = i % 5 == 0 and legacy or shop }
end

local function upload(tenant, release)
  local result = ns:script(tenant.id):upload {
    main_module = tenant.code.main_module, modules = tenant.code.modules,
    script = tenant.code.script, compatibility_date = "2026-10-01",
    bindings = { TENANT = "Shop of " .. tenant.id, RELEASE = release },
    tags = { "customer:" .. tenant.id, tenant.code == shop and "kind:shop" or "kind:legacy" },
  }
  return result.requests
end

-- ---- the comparison -----------------------------------------------------------------------------

local bytes_compared = 0

local function same(sent, read, what)
  assert(read and read.content == sent, what .. " has come back different")
  bytes_compared = bytes_compared + #sent
end

local function compare(tenant)
  local content, count = ns:script(tenant.id):content(), 0
  if tenant.code == legacy then
    same(legacy.script, content.modules[content.body_part], tenant.id)
  else
    assert(content.main_module == shop.main_module, tenant.id .. " starts with another module")
    for name, sent in pairs(shop.modules) do
      same(sent, content.modules[name], tenant.id .. "/" .. name)
    end
  end
  for _ in pairs(content.modules) do count = count + 1 end
  assert(count == (tenant.code == legacy and 1 or #SHOP), tenant.id .. " has modules of its own")
end

-- ---- the steps ----------------------------------------------------------------------------------

local rows = {}

-- Runs a step for each item and makes a row of the table: what it was, how many, what it took.
local function step(title, items, f)
  local requests, started = client:stats().requests, moonherd.time.now()
  moonherd.map(items, { concurrency = AT_ONCE }, f)
  rows[#rows + 1] = {
    title = title, count = #items, requests = client:stats().requests - requests,
    seconds = moonherd.time.now() - started,
  }
end

local function listed()
  local ids = {}
  for script in ns:scripts { page_size = 25 } do ids[#ids + 1] = script.name end
  return ids
end

local before = ns:details().script_count
step("deploy release 1", tenants, function (tenant) return upload(tenant, "1") end)
step("read back and compare", tenants, compare)
step("deploy release 2", tenants, function (tenant) return upload(tenant, "2") end)

local leaving = table.move(tenants, TENANTS - LEAVING + 1, TENANTS, 1, {})
step("delete those who leave", leaving, function (tenant) ns:script(tenant.id):delete() end)

-- ---- the report ---------------------------------------------------------------------------------

local sites = 0
for _, tenant in ipairs(tenants) do if tenant.code == legacy then sites = sites + 1 end end

print(("The namespace '%s' on %s held %d scripts. %d tenants came, %d at a time:"):format(ns.name,
  client.target, before, TENANTS, AT_ONCE))
print(("%d shops of %d modules and %d old sites. %d left, and %d scripts are there now.\n"):format(
  TENANTS - sites, #SHOP, sites, LEAVING, #listed()))
print("step                      scripts  requests  per script  seconds")
print("-----------------------  --------  --------  ----------  -------")
for _, row in ipairs(rows) do
  print(("%-23s  %8d  %8d  %10.2f  %7.2f"):format(row.title, row.count, row.requests,
    row.requests / row.count, row.seconds))
end
print(("\n%d bytes were read back, every one as it was sent."):format(bytes_compared))
