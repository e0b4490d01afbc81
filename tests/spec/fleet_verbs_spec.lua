-- The bulk verbs of a namespace: whom they change, what they refuse, what a second run does.
local bulk = require "tests.spec.support.bulk"
local folders = require "tests.spec.support.folder"
local fs = require "moonherd.fs"
local ledgers = require "tests.spec.support.ledgers"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local owners = require "moonherd.fleet.owner"

local SPEC = bulk.spec()

describe("the bulk verbs", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local folder, client, dry_client, ns
  local count = 0

  local real_lease, real_look = owners.LEASE, owners.LOOK

  setup(function ()
    owners.LOOK = 0.01
    client = bulk.connect()
    dry_client = bulk.connect_dry(client)
  end)
  teardown(function () owners.LOOK = real_look end)
  before_each(function ()
    count = count + 1
    folder = folders.new()
    ns = client:ensure_namespace("verbs " .. count)
  end)
  after_each(function ()
    owners.LEASE = real_lease
    folder:remove()
    ns:delete { expect = ns:details().script_count }
  end)

  -- Scripts a and b of tag "in", c of "in2": a tag that only looks alike.
  local function fill()
    ns:upload_all {
      a = bulk.spec { tags = { "in" } }, b = bulk.spec { tags = { "in", "old" } },
      c = bulk.spec { tags = { "in2" } },
    }
  end

  local function numbers(report)
    return { report.done, report.skipped, #report.failed, report.requests }
  end

  local function reason(f, ...)
    local ok, err = pcall(f, ...)
    return not ok and err.reason
  end

  -- ---- uploads ---------------------------------------------------------------------------------

  it("upload a table or an iterator, and only what the ledger does not know", function ()
    local opts, n = { ledger = folder:at "up.db" }, 0
    assert.are.same({ 2, 0, 0, 2 }, numbers(ns:upload_all({ a = SPEC, b = SPEC }, opts)))
    assert.are.same({ 0, 2, 0, 0 }, numbers(ns:upload_all({ a = SPEC, b = SPEC }, opts)))
    local report = ns:upload_all(function ()
      n = n + 1
      if n <= 3 then return "s" .. n, SPEC end
    end, opts)
    assert.are.same({ 3, 0, 0, 3 }, numbers(report))
    assert.equal(5, ns:details().script_count)
  end)

  it("tell what uploads would change", function ()
    ns:upload_all { a = SPEC }
    local report = ns:upload_all({ a = SPEC, b = SPEC }, { dry_run = true })
    assert.are.same({ true, 1, 1 }, { report.dry_run, report.done, report.skipped })
    assert.are.same({ "b" }, report.names)
    assert.equal(1, ns:details().script_count)
  end)

  it("refuse another number of uploads than is expected", function ()
    assert.equal("unexpected_count", reason(ns.upload_all, ns, { a = SPEC }, { expect = 2 }))
    assert.equal("too_many_scripts", reason(ns.upload_all, ns, { a = SPEC }, { max = 0 }))
    assert.equal("usage", reason(ns.upload_all, ns, { a = 7 }))
    assert.equal(0, ns:details().script_count)
  end)

  it("refuse a name that comes twice, with a ledger and without", function ()
    for _, opts in ipairs { { ledger = folder:at "twice.db" }, {} } do
      local n = 0
      local report = ns:upload_all(function ()
        n = n + 1
        if n <= 3 then return "s" .. n // 2, bulk.spec { tags = { "n:" .. n } } end
      end, opts)
      assert.are.same({ 2, 0, 1, 2 }, numbers(report))
      assert.equal("key_twice", report.failed[1].error.reason)
    end
  end)

  it("do not stop at one that fails", function ()
    local report = ns:upload_all { a = SPEC, b = bulk.spec { tags = { "," } }, c = SPEC }
    assert.are.same({ 2, 0, 1, 2 }, numbers(report))
    assert.are.same({ "b", "bad_tag" }, { report.failed[1].key, report.failed[1].error.reason })
  end)

  -- ---- tags ------------------------------------------------------------------------------------

  it("tag what the filter selects, and nothing that looks alike", function ()
    fill()
    local changes = { add = { "new" }, remove = { "old" } }
    assert.are.same({ "a", "b" }, ns:tag({ "in" }, changes, { dry_run = true }).names)
    assert.are.same({ 2, 0, 0, 4 }, numbers(ns:tag({ "in" }, changes)))
    assert.are.same({ 0, 2, 0, 1 }, numbers(ns:tag({ "in" }, changes)))
    assert.are.same({ "in", "new" }, ns:script "b":tags())
    assert.are.same({ "in2" }, ns:script "c":tags())
  end)

  it("ask for a filter, or for all", function ()
    fill()
    local add = { add = { "x" } }
    assert.equal("usage", reason(ns.tag, ns, nil, add))
    assert.equal("usage", reason(ns.tag, ns, { old = false }, add))
    assert.equal("usage", reason(ns.tag, ns, { "in" }, {}))
    assert.equal("unexpected_count", reason(ns.tag, ns, { "in" }, add, { expect = 3 }))
    assert.equal("too_many_scripts", reason(ns.tag, ns, { "in" }, add, { max = 1 }))
    assert.are.same({ 3, 0, 0, 4 }, numbers(ns:tag(nil, add, { all = true })))
  end)

  it("tell that a filter has found nothing", function ()
    fill()
    local lines, write = {}, log.write
    log.write = function (level, message) lines[#lines + 1] = level .. ": " .. message end
    ns:tag({ "inn" }, { add = { "x" } })
    ns:tag({ "in" }, { add = { "x" } })
    ns:delete_scripts { tags = { "inn" } }
    log.write = write
    assert.are.same({ "info: namespace:tag: no script of '" .. ns.name .. "' matches",
      "info: namespace:delete_scripts: no script of '" .. ns.name .. "' matches" }, lines)
  end)

  it("record nothing that the client of a dry run has done", function ()
    fill()
    local dry = dry_client:namespace(ns.name)
    local opts, add = { ledger = folder:at "t.db" }, { add = { "x" } }
    assert.equal(2, dry:tag({ "in" }, add, opts).done)
    assert.are.same({ "in" }, ns:script "a":tags())
    assert.equal(2, ns:tag({ "in" }, add, opts).done)
    local gone = { tags = { "in" }, ledger = folder:at "d.db", expect = 2 }
    assert.equal(2, dry:delete_scripts(gone).count)
    assert.equal(2, ns:delete_scripts(gone).count)
  end)

  -- ---- secrets and settings --------------------------------------------------------------------

  it("rotate a secret once, and keep its value nowhere", function ()
    fill()
    local seen = 0
    local opts = { ledger = folder:at "r.db", on_progress = function () seen = seen + 1 end }
    assert.are.same({ 2, 0, 0, 3 }, numbers(ns:rotate_secret({ "in" }, "KEY", "one-of-2", opts)))
    assert.are.same({ 0, 2, 0, 1 }, numbers(ns:rotate_secret({ "in" }, "KEY", "one-of-2", opts)))
    assert.are.same({ 2, 0, 0, 3 }, numbers(ns:rotate_secret({ "in" }, "KEY", "two-of-2", opts)))
    assert.equal(6, seen)
    assert.equal("KEY", ns:script "a":secrets()[1].name)
    assert.are.same({}, ns:script "c":secrets())
    for _, name in ipairs(fs.list(folder.path)) do
      assert.is_nil(fs.read(folder:at(name)):find("-of-2", 1, true))
    end
  end)

  it("patch settings", function ()
    fill()
    assert.are.same({ 2, 0, 0, 3 }, numbers(ns:patch_all({ "in" }, { logpush = true })))
    assert.is_true(ns:script "a":settings().logpush)
    assert.is_falsy(ns:script "c":settings().logpush)
    assert.equal("usage", reason(ns.patch_all, ns, { "in" }, {}))
  end)

  -- ---- after a kill ----------------------------------------------------------------------------

  -- Runs a verb, then again as if it had been killed over script "a".
  local function killed_over_a(verb, ...)
    local opts = { ledger = folder:at "k.db" }
    local arguments = table.pack(...)
    arguments[arguments.n + 1] = opts
    ns[verb](ns, { "in" }, table.unpack(arguments, 1, arguments.n + 1))
    ledgers.claim(opts.ledger, ledgers.DEAD, "a")
    local report = ns[verb](ns, { "in" }, table.unpack(arguments, 1, arguments.n + 1))
    assert.equal("done", ledgers.find(opts.ledger, "a").state)
    return numbers(report)
  end

  it("see in the list that tags are as they should be", function ()
    fill()
    assert.are.same({ 1, 1, 0, 1 }, killed_over_a("tag", { add = { "new" } }))
  end)

  it("read settings back before they change them again", function ()
    fill()
    assert.are.same({ 1, 1, 0, 2 }, killed_over_a("patch_all", { logpush = true }))
    assert.are.same({ 1, 1, 0, 2 }, killed_over_a("patch_all", { bindings = { PLAN = "pro" } }))
    local hidden = { bindings = { KEY = { type = "secret_text", text = "one-of-many" } } }
    assert.are.same({ 1, 1, 0, 4 }, killed_over_a("patch_all", hidden))
  end)

  it("write a secret again, and count it once", function ()
    fill()
    assert.are.same({ 1, 1, 0, 2 }, killed_over_a("rotate_secret", "KEY", "one-of-2"))
  end)

  it("open the ledger before they ask anything", function ()
    fs.write(folder:at "bad.db", ("not a database "):rep(100), { mode = tonumber("600", 8) })
    local before = client:stats().requests
    local opts = { ledger = folder:at "bad.db" }
    assert.equal("corrupt", reason(ns.tag, ns, { "in" }, { add = { "x" } }, opts))
    assert.equal("corrupt", reason(ns.upload_all, ns, { a = SPEC }, opts))
    assert.equal(before, client:stats().requests)
  end)

  -- ---- deleting --------------------------------------------------------------------------------

  it("tell how far the deletion is", function ()
    fill()
    local seen
    ns:delete_scripts { tags = { "in" }, on_progress = function (p) seen = p end }
    assert.are.same({ done = 2, total = 2 }, seen)
  end)

  it("delete by name, several at once, and nothing that looks alike", function ()
    fill()
    local seen = {}
    local result = ns:delete_scripts {
      tags = { "in" }, concurrency = 2, on_progress = function (p) seen[#seen + 1] = p.done end,
    }
    table.sort(result.names)
    assert.are.same({ 2, { "a", "b" }, 3 }, { result.count, result.names, result.requests })
    assert.are.same({ 1, 2 }, seen)
    assert.is_true(ns:script "c":exists())
  end)

  -- The ledger of a deletion that was killed: "a" is gone, and whether "b" is, nobody has said.
  local function cut_short(ledger)
    ns:delete_scripts { tags = { "in" }, ledger = ledger }
    ns:upload_all { b = bulk.spec { tags = { "in" } } }
    ledgers.claim(ledger, ledgers.DEAD, "b")
    ledgers.with(ledger, function (l)
      l.db:change { { "UPDATE item SET began = 1 WHERE key IN ('a', 'b')" } }
    end)
  end

  it("go on with a deletion that was killed, by the number that was said", function ()
    fill()
    local ledger = folder:at "d.db"
    cut_short(ledger)
    local plan = ns:delete_scripts { tags = { "in" }, ledger = ledger, dry_run = true }
    assert.equal(1, plan.count)
    local opts = { tags = { "in" }, ledger = ledger, expect = 3 }
    assert.equal("unexpected_count", reason(ns.delete_scripts, ns, opts))
    opts.expect = 2
    assert.are.same({ "b" }, ns:delete_scripts(opts).names)
    assert.equal("done", ledgers.find(ledger, "b").state)
    -- It is over: the next one is a new one.
    assert.equal("unexpected_count", reason(ns.delete_scripts, ns, opts))
    assert.is_true(ns:script "c":exists())
  end)

  it("see in the list that what was in flight is deleted", function ()
    fill()
    local ledger = folder:at "d.db"
    cut_short(ledger)
    ns:script "b":delete()
    local result = ns:delete_scripts { tags = { "in" }, ledger = ledger, expect = 2 }
    assert.equal(0, result.count)
    assert.equal("done", ledgers.find(ledger, "b").state)
  end)

  it("do not delete by a ledger that another process deletes by", function ()
    fill()
    local ledger = folder:at "d.db"
    ns:delete_scripts { tags = { "old" }, ledger = ledger }
    local id = ledgers.claim(ledger, { host = "elsewhere" }, "a")
    local elsewhere = moonherd.spawn(function ()
      while true do
        moonherd.sleep(0.02)
        ledgers.with(ledger, function (file) file:beat(id) end)
      end
    end)
    local delete = { tags = { "in" }, ledger = ledger }
    assert.equal("running_elsewhere", reason(ns.delete_scripts, ns, delete))
    assert.is_true(ns:script "a":exists())
    elsewhere:cancel()
    owners.LEASE = 0.05
    assert.equal(1, ns:delete_scripts(delete).count) -- that one has died
  end)
end)
