-- job:rollback: what is put back byte by byte, what is left alone, what is told.
local bulk = require "tests.spec.support.bulk"
local clock = require "moonherd._clock"
local folders = require "tests.spec.support.folder"
local json = require "moonherd.json"
local ledgers = require "tests.spec.support.ledgers"
local moonherd = require "moonherd"
local owners = require "moonherd.fleet.owner"

describe("a rollback", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local folder, client, ns, script
  local count = 0

  setup(function () client = bulk.connect() end)
  before_each(function ()
    count = count + 1
    folder = folders.new()
    ns = client:ensure_namespace("rollback " .. count)
    script = ns:script "a"
  end)
  after_each(function ()
    folder:remove()
    ns:delete { expect = ns:details().script_count }
  end)

  local function job(name)
    return moonherd.job { name = name or "test", ledger = folder:at "job.db", snapshot = true }
  end

  local function upload(more)
    local j = job()
    j:upload(ns, "a", bulk.spec(more))
    assert.equal(1, j:run().done)
    return j
  end

  local function is_back(report)
    assert.are.same({}, report.failed)
    assert.are.same({ 1, {} }, { report.done, report.not_restored })
  end

  local function reasons(report)
    local list = {}
    for i, entry in ipairs(report.failed) do list[i] = entry.error.reason end
    return table.concat(list, " ")
  end

  local real_wall = clock.wall
  after_each(function () clock.wall = real_wall end)

  local function stop_clock()
    local now = real_wall()
    function clock.wall() return now end
  end

  -- ---- what is put back ------------------------------------------------------------------------

  it("gives every module its bytes and its type again", function ()
    local modules = {
      ["a.mjs"] = "export default {}",
      ["t.txt"] = { content = "text\r\n\0\xff", type = "text/plain" },
      ["d.bin"] = { content = ("\0\xff\r\n--"):rep(999), type = "application/octet-stream" },
      ["w.wasm"] = { content = "\0asm\1\0\0\0", type = "application/wasm" },
    }
    script:upload(bulk.spec { modules = modules, main_module = "a.mjs" })
    local before = script:content()
    is_back(upload { modules = { ["b.mjs"] = "export default { b: 1 }" } }:rollback())
    assert.are.same(before, script:content())
  end)

  it("gives a script in service-worker syntax back as one", function ()
    local code = "addEventListener('fetch', () => {})"
    script:upload { script = code, compatibility_date = "2026-10-01" }
    is_back(upload():rollback())
    local content = script:content()
    assert.equal(code, content.modules[content.body_part].content)
  end)

  it("tells which files it could not put back", function ()
    script:upload(bulk.spec { assets = { files = { ["/a.html"] = "a" } } })
    local report = upload { assets = { files = { ["/b.html"] = "b" } } }:rollback()
    assert.are.same({ { key = "a", secrets = {}, assets = true } }, report.not_restored)
  end)

  it("leaves a script that had files alone and has code now", function ()
    local site = { assets = { files = { ["/a.html"] = "a" } }, compatibility_date = "2026-10-01" }
    script:upload(site)
    assert.equal("had_no_code", reasons(upload():rollback()))
    assert.is_true(script:details().script.has_modules)
  end)

  it("changes settings back without an upload when the code is the same", function ()
    script:upload(bulk.spec {
      bindings = { KEY = { type = "secret_text", text = "one-of-many" }, PLAN = "free" },
      tags = { "in" }, limits = { cpu_ms = 50 },
    })
    local before, code = script:settings(), script:content()
    local ledger = folder:at "job.db"
    ns:patch_all({ "in" }, {
      bindings = { PLAN = "pro", NEW = { type = "secret_text", text = "two-of-many" } },
      logpush = true, limits = { cpu_ms = 9 }, tail_consumers = { { service = "tail" } },
      observability = { enabled = true },
    }, { ledger = ledger, snapshot = true })
    assert.is_true(script:settings().logpush)
    is_back(job("patch_all in " .. ns.name):rollback { client = client })
    local after = script:settings()
    after.tail_consumers = after.tail_consumers and after.tail_consumers[1]
    assert.are.same(json.encode(before), json.encode(after))
    assert.are.same(code, script:content())
  end)

  it("gives tags back, and tells which secret it could not", function ()
    script:upload(bulk.spec { tags = { "in" } })
    script:put_secret("OLD", "one-of-many")
    local ledger = { ledger = folder:at "tag.db", snapshot = true }
    ns:tag({ "in" }, { add = { "new" } }, ledger)
    local tagging = moonherd.job { name = "tag in " .. ns.name, ledger = ledger.ledger }
    local gone = ns:script "b"
    gone:upload(bulk.spec { tags = { "in" } })
    ns:tag({ "in" }, { add = { "more" } }, ledger)
    gone:delete()
    assert.equal("gone", reasons(tagging:rollback { client = client, force = true }))
    assert.are.same({ "in" }, script:tags())
    gone:upload(bulk.spec())
    ledger.ledger = folder:at "old.db"
    ns:rotate_secret({ "in" }, "OLD", "two-of-many", ledger)
    local rotation = moonherd.job {
      name = "rotate_secret OLD in " .. ns.name, ledger = ledger.ledger,
    }
    assert.are.same({ { key = "a", secrets = { "OLD" }, assets = false } },
      rotation:rollback({ client = client }).not_restored)
  end)

  it("gives back what was changed while the clock stood still", function ()
    stop_clock()
    script:upload(bulk.spec { tags = { "in" } })
    local last = script:details().script.modified_on
    is_back(upload { tags = { "in", "new" } }:rollback())
    assert.are.same({ "in" }, script:tags())
    assert.is_true(script:details().script.modified_on > last)
  end)

  it("sees that somebody has changed it in the same moment", function ()
    stop_clock()
    script:upload(bulk.spec { tags = { "in" } })
    local j = upload { tags = { "new" } }
    script:add_tag "theirs"
    assert.equal("changed_since", reasons(j:rollback()))
  end)

  it("gives back what the job itself has deleted, and tells of its secrets", function ()
    script:upload(bulk.spec { bindings = { KEY = moonherd.secret "one-of-many" } })
    local j = job()
    j:add("a", function () script:delete() end, { script = script })
    j:run()
    local report = j:rollback { client = client }
    assert.are.same({}, report.failed)
    assert.are.same({ { key = "a", secrets = { "KEY" }, assets = false } }, report.not_restored)
    assert.is_true(script:exists())
  end)

  it("leaves what the job has deleted and somebody has made again", function ()
    script:upload(bulk.spec())
    local j = job()
    j:add("a", function () script:delete() end, { script = script })
    j:run()
    script:upload(bulk.spec { tags = { "theirs" } })
    assert.equal("changed_since", reasons(j:rollback { client = client }))
  end)

  it("deletes what was not there, and asks nothing twice", function ()
    local j = upload()
    is_back(j:rollback())
    assert.is_false(script:exists())
    assert.are.same({ 0, 0 }, { j:rollback().done, j:rollback().requests })
  end)

  it("has nothing to do where somebody has deleted what was not there", function ()
    local j = upload()
    script:delete()
    is_back(j:rollback())
  end)

  -- ---- what is left alone ----------------------------------------------------------------------

  it("leaves what somebody else has changed or deleted since, unless it is forced", function ()
    script:upload(bulk.spec { tags = { "old" } })
    local j = upload { tags = { "new" } }
    script:add_tag "theirs"
    assert.equal("changed_since", reasons(j:rollback()))
    assert.are.same({ "new", "theirs" }, script:tags())
    script:delete()
    assert.equal("changed_since", reasons(j:rollback()))
    is_back(j:rollback { force = true })
    assert.are.same({ "old" }, script:tags())
  end)

  it("leaves a script whose Durable Objects have been migrated", function ()
    script:upload(bulk.spec())
    local j = upload {
      modules = { ["a.mjs"] = "export class Room {}\nexport default {}" },
      migrations = { new_tag = "v1", new_sqlite_classes = { "Room" } },
    }
    assert.equal("migrated", reasons(j:rollback { force = true }))
  end)

  it("does not take itself for somebody else after a kill", function ()
    script:upload(bulk.spec { tags = { "old" } })
    local j = upload { tags = { "new" } }
    ledgers.with(folder:at "job.db", function (ledger) ledger:set_after("a", nil) end)
    script:put_tags { "old" } -- as far as it had come
    is_back(j:rollback())
  end)

  it("does not begin while somebody runs the job", function ()
    local j, going, real_look = upload { tags = { "new" } }, job(), owners.LOOK
    owners.LOOK = 0.01
    local has_begun, is_over = moonherd.channel(1), moonherd.channel(1)
    going:add("slow", function ()
      has_begun:send(true)
      is_over:recv()
    end)
    local task = moonherd.spawn(going.run, going)
    has_begun:recv()
    local beats = moonherd.spawn(function ()
      while true do
        moonherd.sleep(0.02)
        ledgers.with(folder:at "job.db", function (ledger)
          for _, owner in ipairs(ledger:list_owners()) do ledger:beat(owner.id) end
        end)
      end
    end)
    local ok, err = pcall(j.rollback, j)
    owners.LOOK = real_look
    assert.are.same({ false, "running_elsewhere" }, { ok, err.reason })
    beats:cancel()
    is_over:send(true)
    task:wait()
    assert.equal(1, j:rollback().done)
  end)

  it("says that nothing was kept", function ()
    local j = moonherd.job { name = "test", ledger = folder:at "job.db" }
    j:upload(ns, "a", bulk.spec())
    j:run()
    local ok, err = pcall(j.rollback, j)
    assert.are.same({ false, "no_snapshots" }, { ok, err.reason })
  end)

  it("needs a ledger", function ()
    local ok, err = pcall(ns.tag, ns, { "in" }, { add = { "x" } }, { snapshot = true })
    assert.is_false(ok)
    assert.matches("namespace:tag: option 'snapshot' needs a ledger", err.message)
  end)
end)
