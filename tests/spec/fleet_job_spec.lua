-- moonherd.job: what its ledger remembers, what is run again, what is refused.
local bulk = require "tests.spec.support.bulk"
local folders = require "tests.spec.support.folder"
local fs = require "moonherd.fs"
local ledgers = require "tests.spec.support.ledgers"
local log = require "moonherd._log"
local moonherd = require "moonherd"
local owners = require "moonherd.fleet.owner"
local store = require "moonherd.store"

describe("a job", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local folder, client, dry_client, ns
  local count = 0

  setup(function ()
    client = bulk.connect()
    dry_client = bulk.connect_dry(client)
  end)
  before_each(function ()
    count = count + 1
    folder = folders.new()
    ns = client:ensure_namespace("job " .. count)
  end)
  after_each(function ()
    folder:remove()
    ns:delete { expect = ns:details().script_count }
  end)

  local function job(opts)
    opts = opts or {}
    opts.name, opts.ledger = opts.name or "test", opts.ledger or folder:at "job.db"
    return moonherd.job(opts)
  end

  local function numbers(report)
    return { report.done, report.skipped, #report.failed }
  end

  local function uploads(names, more, opts)
    local j = job(opts)
    for _, name in ipairs(names) do j:upload(ns, name, bulk.spec(more)) end
    return j
  end

  local function claim_by(owner, key)
    return ledgers.claim(folder:at "job.db", owner, key)
  end

  local DEAD = ledgers.DEAD

  it("does each item once, and what failed again", function ()
    local calls, fails = {}, true
    local function define()
      local j = job()
      for _, key in ipairs { "a", "b", "c" } do
        j:add(key, function ()
          calls[#calls + 1] = key
          if key == "b" and fails then error "no" end
        end)
      end
      return j
    end
    local first = define():run()
    assert.are.same({ 2, 0, 1 }, numbers(first))
    assert.equal("b", first.failed[1].key)
    assert.matches("no$", first.failed[1].error.message)
    fails = false
    assert.are.same({ 1, 2, 0 }, numbers(define():run()))
    assert.are.same({ 0, 3, 0 }, numbers(define():run()))
    table.sort(calls)
    assert.equal("a b b c", table.concat(calls, " "))
  end)

  it("runs again what has changed", function ()
    local function run(digest)
      local j = job()
      j:add("a", function () end, { digest = digest })
      return numbers(j:run())
    end
    assert.are.same({ 1, 0, 0 }, run { 1 })
    assert.are.same({ 0, 1, 0 }, run { 1 })
    assert.are.same({ 1, 0, 0 }, run { 2 })
  end)

  it("stops at the first failure when it is told to", function ()
    local j = job { on_error = "stop", concurrency = 1 }
    j:add("a", function () error "no" end)
    j:add("b", function () end)
    assert.are.same({ 0, 0, 1 }, numbers(j:run()))
  end)

  it("takes items of an iterator one by one, and tells how far it is", function ()
    local j, seen, n = job { concurrency = 2 }, {}, 0
    j:each(function ()
      n = n + 1
      if n <= 5 then return "k" .. n, n end
    end, function (key) return key end, function (_, number)
      if number == 3 then error "three" end
    end)
    j:on_progress(function (p) seen[#seen + 1] = p end)
    assert.are.same({ 4, 0, 1 }, numbers(j:run()))
    assert.are.same({ 5, 4, 1 }, { #seen, seen[5].done, seen[5].failed })
    local states = {}
    for item in j:results() do states[#states + 1] = item.key .. " " .. item.state end
    assert.equal("k1 done, k2 done, k3 failed, k4 done, k5 done", table.concat(states, ", "))
  end)

  it("finishes what is begun when an iterator fails, then raises", function ()
    local j, n, done = job(), 0, 0
    j:each(function ()
      n = n + 1
      if n == 3 then error "page" end
      return n
    end, tostring, function () done = done + 1 end)
    local ok, err = pcall(j.run, j)
    assert.is_false(ok)
    assert.matches("page", tostring(err))
    assert.equal(2, done)
  end)

  it("refuses two items with one key", function ()
    local j = job()
    j:add("a", function () end)
    local ok, err = pcall(j.add, j, "a", function () end)
    assert.are.same({ false, "key_twice" }, { ok, err.reason })
    local two = job { ledger = folder:at "two.db", concurrency = 1 }
    two:each({ 1, 2 }, function () return "same" end, function () end,
      { digest = function (i) return i end })
    assert.equal("key_twice", two:run().failed[1].error.reason)
  end)

  -- ---- what was in flight ----------------------------------------------------------------------

  it("asks whether what was in flight is done, and runs it when it is not", function ()
    local ran, j = {}, job()
    for _, key in ipairs { "a", "b" } do
      j:add(key, function () ran[#ran + 1] = key end, {
        verify = function () return key == "a", 2 end,
      })
      claim_by(DEAD, key)
    end
    local report = j:run()
    assert.are.same({ 2, 0, 0 }, numbers(report))
    assert.equal(4, report.requests)
    assert.equal("b", table.concat(ran, " "))
  end)

  it("reads an upload that was in flight back instead of sending it again", function ()
    uploads({ "a" }):run()
    local before = ns:script "a":details().script.modified_on
    claim_by(DEAD, "a")
    local report = uploads({ "a" }):run()
    assert.are.same({ 1, 0, 0 }, numbers(report))
    assert.equal(3, report.requests)
    assert.equal(before, ns:script "a":details().script.modified_on)
  end)

  it("sends an upload again that had not arrived", function ()
    uploads({ "a" }, { tags = { "t" } }):run()
    ns:script "a":put_tags { "somebody:else" }
    claim_by(DEAD, "a")
    assert.equal(4, uploads({ "a" }, { tags = { "t" } }):run().requests)
    assert.are.same({ "t" }, ns:script "a":tags())
  end)

  it("does not touch what another process does, and takes it over when that has gone", function ()
    local ran, id, j = 0, claim_by({ host = "elsewhere" }, "a"), job()
    j:add("b", function () ran = ran + 1 end)
    j:add("a", function () ran = ran + 1 end)
    local task = moonherd.spawn(function () return j:run() end)
    while ran == 0 do moonherd.sleep "10ms" end
    assert.equal("running", ledgers.find(folder:at "job.db", "a").state)
    assert.equal(1, ran)
    ledgers.with(folder:at "job.db", function (ledger) ledger:end_owner(id, 2) end)
    assert.are.same({ 2, 0, 0 }, numbers(task:wait()))
  end)

  it("frees what it held when it is cancelled", function ()
    local j, has_begun = job(), false
    j:add("a", function ()
      has_begun = true
      moonherd.sleep "1h"
    end)
    local task = moonherd.spawn(function () return j:run() end)
    while not has_begun do moonherd.sleep "10ms" end
    task:cancel "enough"
    pcall(task.wait, task)
    local again = job()
    again:add("a", function () end)
    assert.are.same({ 1, 0, 0 }, numbers(again:run()))
  end)

  it("sends an upload again when nothing can show that it arrived, and counts it once", function ()
    local more = { bindings = { KEY = { type = "secret_text", text = "one-of-many" } } }
    uploads({ "a" }, more):run()
    claim_by(DEAD, "a")
    local report = uploads({ "a" }, more):run()
    assert.are.same({ 1, 0, 0 }, numbers(report))
    assert.equal(1, report.requests)
    assert.equal(3, ledgers.find(folder:at "job.db", "a").attempts)
  end)

  it("takes a migration that is live for a sign that its upload has arrived", function ()
    local more = {
      modules = { ["a.mjs"] = "export class Room {}\nexport default {}" },
      migrations = { new_tag = "v1", new_sqlite_classes = { "Room" } },
      bindings = {
        KEY = { type = "secret_text", text = "one-of-many" },
        ROOM = { type = "durable_object_namespace", class_name = "Room" },
      },
    }
    assert.are.same({ 1, 0, 0 }, numbers(uploads({ "a" }, more):run()))
    claim_by(DEAD, "a")
    local report = uploads({ "a" }, more):run()
    assert.are.same({ 1, 0, 0 }, numbers(report))
    assert.equal(3, report.requests)
  end)

  it("tries again what failed in an earlier run, whatever its clock said", function ()
    ledgers.with(folder:at "job.db", function (ledger)
      local me = owners.me()
      me.host = "elsewhere"
      local id = ledger:add_owner(me, 1e12)
      ledger:claim("a", nil, nil, id, 1e12)
      ledger:finish("a", id, {
        state = "failed", ended = 1e12, requests = 1, error = '{"message":"no"}',
      })
    end)
    local j = job()
    j:add("a", function () end)
    assert.are.same({ 1, 0, 0 }, numbers(j:run()))
  end)

  it("leaves what another process has tried since it began", function ()
    local j, calls = job { concurrency = 1 }, 0
    j:add("a", function ()
      local path = folder:at "job.db"
      local id = claim_by({ host = "elsewhere" }, "b")
      ledgers.with(path, function (ledger)
        ledger:finish("b", id, {
          state = "failed", ended = 1, requests = 1, error = '{"message":"no"}',
        })
      end)
    end)
    j:add("b", function () calls = calls + 1 end)
    local report = j:run()
    assert.are.same({ 1, 0, 1 }, numbers(report))
    assert.equal(0, calls)
    assert.matches("by another process", report.failed[1].error.message)
  end)

  -- ---- what goes wrong -------------------------------------------------------------------------

  it("reports any number of failures, the first of them with all that is known", function ()
    local j = job()
    for i = 1, 150 do
      j:add("k" .. i, function () moonherd.fs.read "/no/such/file" end)
    end
    local failed = j:run().failed
    assert.equal(150, #failed)
    assert.is_not_nil(failed[1].error.trace)
    assert.are.same({ "io", "not_found" }, { failed[150].error.kind, failed[150].error.reason })
    assert.matches("no such file", failed[150].error.message)
    assert.is_nil(failed[150].error.path)
  end)

  it("takes down failures in whatever bytes they are told", function ()
    local j = job()
    j:add("sh", function () error("exit 1: \xff\xfe", 0) end)
    j:add("fine", function () end)
    assert.are.same({ 1, 0, 1 }, numbers(j:run()))
    local items = moonherd.collect(j:results())
    assert.equal("exit 1: \u{FFFD}\u{FFFD}", items[2].error.message)
  end)

  it("needs keys that are text", function ()
    for _, key in ipairs { "", "a\0b", "\xff" } do
      assert.equal("usage", select(2, pcall(job().add, job(), key, print)).reason)
    end
  end)

  it("records nothing that the client of a dry run has done", function ()
    local dry = dry_client:namespace(ns.name)
    ns:script "there":upload(bulk.spec())
    local shown = job { snapshot = true }
    shown:upload(dry, "there", bulk.spec { tags = { "new" } })
    shown:upload(dry, "new", bulk.spec())
    assert.are.same({ 2, 0, 0 }, numbers(shown:run()))
    local real = uploads({ "there", "new" }, nil, { snapshot = true })
    assert.are.same({}, moonherd.collect(real:results()))
    assert.are.same({ 2, 0, 0 }, numbers(real:run()))
    assert.equal(2, job():rollback { client = client }.done)
    assert.is_false(ns:script "new":exists())
  end)

  it("does what is begun when its ledger is gone, then raises", function ()
    local j, done = job { concurrency = 2 }, 0
    for i = 1, 4 do
      j:add("k" .. i, function ()
        if i == 1 then fs.remove(folder:at "job.db") end
        moonherd.sleep "1ms"
        done = done + 1
      end)
    end
    local ok, err = pcall(j.run, j)
    assert.is_false(ok)
    assert.are.same({ "io", "not_found" }, { err.kind, err.reason })
    assert.matches("ledger '.*job.db': it was removed", err.message)
    assert.equal(done, err.progress.done)
  end)

  it("raises what a function of on_progress raises, once what is begun is done", function ()
    local j, done = job { concurrency = 1 }, 0
    for i = 1, 3 do j:add("k" .. i, function () done = done + 1 end) end
    j:on_progress(function () error "bar" end)
    local ok, err = pcall(j.run, j)
    assert.is_false(ok)
    assert.matches("bar", tostring(err))
    assert.equal(1, done)
  end)

  -- ---- uploads ---------------------------------------------------------------------------------

  it("uploads once, and again what has changed", function ()
    local names = { "a", "b", "c" }
    local report = uploads(names):run()
    assert.are.same({ 3, 0, 0 }, numbers(report))
    assert.equal(3, report.requests)
    assert.are.same({ 0, 3, 0 }, numbers(uploads(names):run()))
    assert.are.same({ 3, 0, 0 }, numbers(uploads(names, { tags = { "x" } }):run()))
    assert.are.same({ "x" }, ns:script "b":tags())
  end)

  local function with_secret(text)
    return { bindings = { KEY = { type = "secret_text", text = text } } }
  end

  it("knows another secret by its digest, and keeps no value", function ()
    assert.are.same({ 1, 0, 0 }, numbers(uploads({ "a" }, with_secret "first-of-two"):run()))
    assert.are.same({ 0, 1, 0 }, numbers(uploads({ "a" }, with_secret "first-of-two"):run()))
    assert.are.same({ 1, 0, 0 }, numbers(uploads({ "a" }, with_secret "other-of-two"):run()))
    for _, name in ipairs(fs.list(folder.path)) do
      assert.is_nil(fs.read(folder:at(name)):find("-of-two", 1, true))
    end
  end)

  it("takes down uploads that cannot even be sent", function ()
    local report = uploads({ "a" }, { compatibility_date = "yesterday" }):run()
    assert.are.same({ 0, 0, 1 }, numbers(report))
    assert.equal("usage", report.failed[1].error.kind)
    for item in job():results() do assert.matches("compatibility_date", item.error.message) end
  end)

  it("puts back what was, and says which secrets it could not", function ()
    local spec = bulk.spec(with_secret "first-of-two")
    spec.bindings.PLAN, spec.tags = "free", { "v:1" }
    ns:script "old":upload(spec)
    local more = with_secret "other-of-two"
    more.modules, more.tags = { ["b.mjs"] = "export default { a: 2 }" }, { "v:2" }
    local j = uploads({ "old", "new" }, more, { snapshot = true })
    j:run()
    local report = j:rollback()
    assert.are.same({ 2, 0 }, { report.done, #report.failed })
    assert.are.same({ { key = "old", secrets = { "KEY" }, assets = false } }, report.not_restored)
    assert.is_false(ns:script "new":exists())
    local content = ns:script "old":content()
    assert.equal("export default {}", content.modules[content.main_module].content)
    assert.are.same({ "v:1" }, ns:script "old":tags())
    local names = {}
    for i, binding in ipairs(ns:script "old":bindings()) do names[i] = binding.name end
    table.sort(names)
    assert.equal("KEY PLAN", table.concat(names, " "))
  end)

  -- ---- ledgers ---------------------------------------------------------------------------------

  local function refusal(opts)
    local ok, err = pcall(job, opts)
    assert.is_false(ok)
    return err
  end

  it("needs a name that can be a file's, when its ledger has no place", function ()
    local ok, err = pcall(moonherd.job, { name = "../a" })
    assert.are.same({ false, "usage" }, { ok, err.kind })
  end)

  it("refuses a ledger that is not its own", function ()
    job { name = "one" }
    assert.equal("ledger_of_another_job", refusal { name = "two" }.reason)
  end)

  it("does not go on with another key than its own without a word", function ()
    uploads({ "a" }):run()
    folder:write("job.db.key", "short")
    local ok, err = pcall(job)
    assert.are.same({ false, "corrupt" }, { ok, err.reason })
    assert.matches("job.db.key is damaged: 5 bytes, not 32", err.message)
    fs.remove(folder:at "job.db.key")
    local said, write = {}, log.write
    log.write = function (level, message) said[#said + 1] = level .. ": " .. message end
    local report = uploads({ "a" }):run()
    log.write = write
    assert.equal(1, report.done)
    assert.matches("^warn: .*job.db.key is missing: ", said[1])
  end)

  it("takes what was done in one namespace for done in no other", function ()
    uploads({ "a" }):run()
    local other = client:ensure_namespace("other " .. ns.name)
    local there = job()
    there:upload(other, "a", bulk.spec())
    there:add("b", function () end, { script = other:script "b" })
    local report = there:run()
    assert.are.same({ 1, 0, 1 }, { report.done, report.skipped, #report.failed })
    assert.equal("other_place", report.failed[1].error.reason)
    assert.matches("'a' was done for local .*, namespace .*; this is for local .*, namespace other",
      report.failed[1].error.message)
    assert.is_false(other:script "a":exists())
    assert.equal(1, uploads({ "a" }):run().skipped)
    local back = job()
    back:each({ "b" }, function (key) return key end, function () end,
      { script = function (key) return ns:script(key) end })
    assert.equal("other_place", back:run().failed[1].error.reason)
  end)

  it("refuses a ledger of another place before any request", function ()
    uploads({ "a" }):run()
    local other = moonherd.connect {
      target = "local", state = client._state, account_id = ("b"):rep(32),
    }
    local there = job()
    there:upload(other:namespace "none", "a", bulk.spec())
    local before = other:stats().requests
    local ok, err = pcall(there.run, there)
    assert.are.same({ false, "usage", "other_place" }, { ok, err.kind, err.reason })
    assert.matches("made for local .*; this run is for local .*, account bbb", err.message)
    assert.equal(before, other:stats().requests)
  end)

  it("refuses a ledger that is damaged or newer before anything is done", function ()
    fs.write(folder:at "bad.db", ("not a database "):rep(100), { mode = tonumber("600", 8) })
    local err = refusal { ledger = folder:at "bad.db" }
    assert.equal("corrupt", err.reason)
    assert.matches("ledger '.*bad.db'", err.message)
    store.open(folder:at "new.db", { migrations = { "SELECT 1", "SELECT 1", "SELECT 1" } }):close()
    assert.equal("newer", refusal { ledger = folder:at "new.db" }.reason)
    assert.equal("io", refusal { ledger = "/proc/none/job.db" }.kind)
  end)
end)
