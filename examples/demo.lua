-- demo.lua: a year in the life of a platform, in seconds. Two kinds of Workers and the sites of
-- some customers are deployed for 60 tenants; every byte is read back; a release goes out that
-- names no secrets; the namespace is searched, audited, repaired and renamed; a customer leaves.
--   moonherd run --target local examples/demo.lua [NAMESPACE]
local moonherd = require "moonherd"

local TENANTS, AT_ONCE = 60, 16
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

-- Every fifth tenant still has the old Worker; every fourth has a site beside its shop.
local tenants, sites = {}, {}
for i = 1, TENANTS do
  local tenant = { id = ("tenant-%02d"):format(i), plan = i % 3 == 0 and "pro" or "free" }
  tenant.code = i % 5 == 0 and legacy or shop
  tenants[i] = tenant
  if i % 4 == 0 then sites[#sites + 1] = tenant end
end

local function bindings_of(tenant, release)
  return {
    TENANT = "Shop of " .. tenant.id, RELEASE = release,
    LIMITS = { type = "json", json = { orders = tenant.plan == "pro" and 1000 or 50 } },
    STORE = { type = "kv_namespace", namespace_id = moonherd.hash.sha256(tenant.id):sub(33) },
    BILLING = { type = "service", service = "billing" },
  }
end

local function upload(tenant, release, secret)
  local bindings = bindings_of(tenant, release)
  bindings.API_KEY = secret and { type = "secret_text", text = secret } or nil
  ns:script(tenant.id):upload {
    main_module = tenant.code.main_module, modules = tenant.code.modules,
    script = tenant.code.script, compatibility_date = "2026-10-01", bindings = bindings,
    observability = { enabled = tenant.code == shop },
    tags = { "customer:" .. tenant.id, "plan:" .. tenant.plan,
      tenant.code == shop and "kind:shop" or "kind:legacy" },
  }
end

local function upload_site(tenant)
  return ns:script(tenant.id .. "-site"):upload {
    compatibility_date = "2026-10-01",
    assets = { dir = "workers/site", not_found_handling = "404-page" },
    tags = { "customer:" .. tenant.id, "kind:site" },
  }
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

-- ---- the page -----------------------------------------------------------------------------------

local number = 0
local started = moonherd.time.now()

-- Runs a step and prints its line: what it was, on how many scripts, what it took. `f` returns the
-- number of scripts and, for the line below, what there is to say.
local function step(title, f)
  number = number + 1
  local requests, began = client:stats().requests, moonherd.time.now()
  local count, remark = f()
  local sent = client:stats().requests - requests
  print(("%2d  %-34s %4d scripts  %4d requests  %5.2f each  %6.2f s"):format(number, title, count,
    sent, sent / math.max(count, 1), moonherd.time.now() - began))
  print("    " .. remark)
end

local function all(items, f)
  moonherd.map(items, { concurrency = AT_ONCE }, f)
  return #items
end

local before = ns:details().script_count
print(("Namespace '%s' on %s, which held %d scripts. %d tenants, %d at a time.\n"):format(ns.name,
  client.target, before, TENANTS, AT_ONCE))

step("Deploy the Workers", function ()
  local count = all(tenants, function (tenant) upload(tenant, "1", "key of " .. tenant.id) end)
  return count, ("48 shops of %d modules and 12 old Workers, each with its bindings, tags and a "
    .. "secret"):format(#SHOP)
end)

step("Deploy a site", function ()
  local assets = upload_site(sites[1]).assets
  return 1, ("%d files, %d of them sent, %d bytes"):format(assets.files, assets.sent, assets.bytes)
end)

step("The same site for the others", function ()
  local sent = 0
  local others = table.move(sites, 2, #sites, 1, {})
  local count = all(others, function (tenant) sent = sent + upload_site(tenant).assets.sent end)
  return count, ("%d files sent: the namespace has them already"):format(sent)
end)

step("Read back and compare", function ()
  return all(tenants, compare), ("%d bytes, every one as it was sent"):format(bytes_compared)
end)

step("Deploy a release without secrets", function ()
  local count = all(tenants, function (tenant) upload(tenant, "2") end)
  return count, "it names no secret, so that nobody who deploys has to know one"
end)

step("Are the secrets still there?", function ()
  local kept = 0
  local count = all(tenants, function (tenant)
    local secret = ns:script(tenant.id):secrets()[1]
    if secret and secret.name == "API_KEY" then kept = kept + 1 end
  end)
  assert(kept == count, "a secret is lost")
  return count, ("%d of %d are"):format(kept, count)
end)

step("Find shops on the free plan", function ()
  local found = moonherd.collect(ns:scripts {
    tags = { ["kind:shop"] = true, ["plan:free"] = true, archived = false },
  })
  return #found, "by their tags, in one request for up to 1000 scripts"
end)

local dark = {}
step("Audit the settings", function ()
  local count = 0
  for script, info in ns:scripts { include = { "settings" }, concurrency = AT_ONCE } do
    count = count + 1
    if not info.settings.observability.enabled then dark[#dark + 1] = script end
  end
  return count, ("%d write no logs"):format(#dark)
end)

step("Switch their logs on", function ()
  local count = all(dark, function (script)
    script:patch_settings { observability = { enabled = true } }
  end)
  return count, "nothing else about them has changed"
end)

step("Rename the namespace, and back", function ()
  local name, id = ns.name, ns:details().namespace_id
  ns:rename(name .. "-moved")
  local count = ns:details().script_count
  ns:rename(name)
  assert(ns:details().namespace_id == id)
  return count, ("it was '%s-moved' for a moment, with all that is in it"):format(name)
end)

local leaving = { ["customer:tenant-04"] = true }
local plan
step("A customer leaves: a dry run", function ()
  plan = ns:delete_scripts { tags = leaving, dry_run = true }
  return plan.count, "would delete " .. table.concat(plan.names, " and ")
end)

step("Delete what the dry run has named", function ()
  local gone = ns:delete_scripts { tags = leaving, expect = plan.count }
  return gone.count, ("%d scripts are left"):format(ns:details().script_count)
end)

print(("\n%d requests in %.2f s."):format(client:stats().requests, moonherd.time.now() - started))
