-- The rules of uploads that need no server: tags, names, metadata, migrations, handlers.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local metadata = require "moonherd.platform.metadata"
local migrations = require "moonherd.platform.migrations"
local names = require "moonherd.platform.names"
local scan = require "moonherd.platform.scan"
local tags = require "moonherd.platform.tags"

local call

local function new_call()
  return {
    platform = { options = {} },
    warnings = {},
    warn = function (self, message)
      table.insert(self.warnings, message)
    end,
  }
end

-- The first entry of the refusal that `f` ends with, and its status.
local function refused(f, ...)
  local is_done, refusal = pcall(f, ...)
  assert(not is_done, "was not refused")
  assert(errors.is_refusal(refusal), tostring(refusal))
  return refusal.entries[1], refusal.status, refusal.entries
end

before_each(function ()
  call = new_call()
end)

describe("tags", function ()
  local function list(count)
    local made = {}
    for i = 1, count do made[i] = "t" .. i end
    return json.array(made)
  end

  it("keep their order and lose repetitions", function ()
    assert.same({ "b", "a" }, { table.unpack(tags.check(json.array { "b", "a", "b" }, "/tags",
      call)) })
  end)

  it("are at most ten; more than eight get a warning", function ()
    assert.equal(8, #tags.check(list(8), "/tags", call))
    assert.equal(0, #call.warnings)
    assert.equal(10, #tags.check(list(10), "/tags", call))
    assert.equal(1, #call.warnings)
    local entry, status = refused(tags.check, list(11), "/tags", call)
    assert.equal(403, status)
    assert.equal(10021, entry.code)
    assert.equal("You have exceeded the limit of 10 tags per Worker. Remove a tag to add another.",
      entry.message)
  end)

  it("are at most 1024 bytes, without comma and ampersand, and not empty", function ()
    local longest = ("é"):rep(512)
    assert.equal(1, #tags.check(json.array { longest }, "/tags", call))
    assert.equal("Tag is too large", refused(tags.check, json.array { longest .. "x" }, "/tags",
      call).message)
    for _, tag in ipairs { "a,b", "a&b", "" } do
      local entry, status = refused(tags.check, json.array { tag }, "/tags", call)
      assert.equal(400, status)
      assert.equal("/tags/0", entry.source.pointer)
    end
  end)

  it("are as many as the platform was told, at most", function ()
    call.platform.options.tag_limit = 3
    assert.equal(3, #tags.check(list(3), "/tags", call))
    local entry, status = refused(tags.check, list(4), "/tags", call)
    assert.equal(403, status)
    assert.truthy(entry.message:find("the limit of 3 tags", 1, true))
  end)

  it("are none for null", function ()
    assert.equal(0, #tags.check(json.null, "/tags", call))
  end)

  it("are an array of strings", function ()
    refused(tags.check, { a = 1 }, "/tags", call)
    refused(tags.check, "a", "/tags", call)
    refused(tags.check, json.array { 1 }, "/tags", call)
  end)
end)

describe("a tag filter", function ()
  it("splits at the last colon", function ()
    assert.same({ required = { "a:b" }, excluded = { "c d" } }, tags.filter "a:b:yes,c d:no")
  end)

  it("is refused when it is anything else", function ()
    for _, text in ipairs { "", "a", "a:maybe", ":yes", "a:yes,", "a:yes,,b:no", "a:YES",
      "\xFF:yes" } do
      assert.equal(10021, refused(tags.filter, text).code)
    end
  end)
end)

describe("names", function ()
  it("are any text a URL can carry", function ()
    for _, name in ipairs { "a", "Übung", "a b", "a:b", ("x"):rep(255), "100%", "_-" } do
      assert.is_true(names.is_valid(name), name)
    end
  end)

  it("are not what it cannot", function ()
    for _, name in ipairs {
      "", ".", "..", "a/b", "a?b", "a#b", "a\0b", "a\nb", "\x7F", "\xC2\x85", ("x"):rep(256),
        "\xFF",
      "\xC0\xAF", "\xED\xA0\x80",
    } do
      assert.is_false(names.is_valid(name), name)
    end
    assert.is_false(names.is_valid(nil))
    assert.is_false(names.is_valid(3))
  end)
end)

describe("metadata", function ()
  it("that is not JSON is 10026, not an object 10021", function ()
    assert.equal(10026, refused(metadata.read, "['x']").code)
    assert.equal(10021, refused(metadata.read, "[]").code)
    assert.equal(10021, refused(metadata.read, "3").code)
  end)

  it("with a field of the wrong kind names the field", function ()
    for field, value in pairs {
      main_module = "3", body_part = '""', bindings = "{}", compatibility_date = '"tomorrow"',
      compatibility_flags = '"x"', usage_model = '"free"', limits = '{"cpu_ms":"x"}',
      logpush = '"true"', tail_consumers = '[{"name":"x"}]', observability = '{"enabled":1}',
      placement = '{"mode":"slow"}', migrations = '{"new_classes":"A"}', exports = '{"A":{}}',
      assets = "true", keep_assets = "1", cache_options = "true",
      annotations = '{"workers/tag":"' .. ("x"):rep(26) .. '"}',
    } do
      local entry = refused(metadata.read, ('{"%s":%s}'):format(field, value))
      assert.equal(10021, entry.code)
      assert.truthy(entry.source.pointer:find("/" .. field, 1, true), field)
    end
  end)

  it("takes days of the calendar alone", function ()
    for _, date in ipairs { "2026-13-01", "2026-00-01", "2026-01-00", "2100-02-29" } do
      assert.equal(10021, refused(metadata.read, ('{"compatibility_date":"%s"}'):format(date)).code)
    end
    for _, date in ipairs { "2024-02-29", "2000-02-29", "2026-12-31" } do
      local read = metadata.read(('{"compatibility_date":"%s"}'):format(date))
      assert.equal(date, read.compatibility_date)
    end
  end)

  it("takes keys it does not know, and null for absent", function ()
    local read = metadata.read '{"unsafe":{"x":[1]},"main_module":"a.js","tags":null,"limits":null}'
    assert.equal("a.js", read.main_module)
    assert.equal(json.null, read.tags)
  end)

  it("has migrations or exports, not both", function ()
    assert.equal("/exports",
      refused(metadata.read, '{"migrations":{"new_tag":"a"},"exports":{}}').source.pointer)
  end)

  it("resets what it leaves out", function ()
    local script, version = metadata.settings {}
    assert.same({ logpush = false, observability = { enabled = false },
      tail_consumers = json.null },
      script)
    assert.equal("2021-11-02", version.compatibility_date)
    assert.equal(0, #version.compatibility_flags)
    assert.equal("standard", version.usage_model)
    assert.is_nil(version.cache_options)
  end)
end)

describe("migrations", function ()
  it("move the tag and the classes", function ()
    local tag, classes = migrations.apply({
      new_tag = "v1",
      steps = { { new_classes = { "A" } },
        { new_sqlite_classes = { "B" }, deleted_classes = { "A" } } },
    }, nil, {})
    assert.equal("v1", tag)
    assert.same({ "B" }, classes)
    tag, classes = migrations.apply({
      old_tag = "v1", new_tag = "v2", renamed_classes = { { from = "B", to = "C" } },
    }, tag, classes)
    assert.equal("v2", tag)
    assert.same({ "C" }, classes)
  end)

  it("start from the tag the script has", function ()
    local entry, status = refused(migrations.apply, { new_tag = "v2" }, "v1", {})
    assert.equal(10079, entry.code)
    assert.equal(412, status)
    assert.equal("Migration tag precondition failed; current tag is 'v1'", entry.message)
    refused(migrations.apply, { old_tag = "v1", new_tag = "v2" }, nil, {})
  end)

  it("do not create a class twice", function ()
    local entry = refused(migrations.apply, { new_tag = "v1", new_classes = { "A", "A" } }, nil, {})
    assert.equal(10074, entry.code)
    assert.truthy(entry.message:find("class 'A'", 1, true))
  end)

  it("change nothing when they are absent", function ()
    local tag, classes = migrations.apply(nil, "v1", { "A" })
    assert.equal("v1", tag)
    assert.same({ "A" }, classes)
  end)
end)

describe("the handlers of a module", function ()
  local function events(source)
    return table.concat(scan.module(source), " ")
  end

  it("are those of the default export", function ()
    assert.equal("fetch scheduled queue",
      events "export default { async fetch(r) { return x({}) }, scheduled: cron, queue }")
    assert.equal("fetch email",
      events "export default class extends W { async fetch() {} email = () => {} };")
    assert.equal("tail", events "const w = {\n  tail(events) {}\n};\nexport default w;")
    assert.equal("fetch alarm",
      events "var w_default = { fetch() {}, alarm() {} };\nexport {\n  w_default as default\n};\n")
  end)

  it("are not words deeper inside, or in comments", function ()
    assert.equal("fetch", events "export default { // queue: no\n fetch(r) { email(r); } }")
  end)

  it("are fetch when nothing can be told", function ()
    assert.equal("fetch", events "const app = new Hono(); export default app;")
    assert.equal("fetch", events "export default makeWorker({ queue() {} })")
  end)

  it("are told for named exports too", function ()
    local _, named = scan.module [[
      export class Room extends DurableObject { async fetch() {} alarm() {} }
      class Api extends WorkerEntrypoint { rpc() {} }
      export { Api, helper as other };
      export default { fetch() {} }
    ]]
    assert.same({
      { name = "Room", handlers = { "fetch", "alarm" } },
      { name = "Api", handlers = {} },
    }, named)
  end)

  -- Each of these once took minutes, in which the whole process stood still.
  it("are guessed in time in proportion to the source, whatever it holds", function ()
    local function full_of(text, before)
      return (before or "export default {") .. text:rep(300000 // #text)
    end
    local started = os.clock()
    for _, source in ipairs {
      full_of "/* ", full_of("/* ") .. "}", full_of "(", full_of("(") .. "}", full_of "{",
      full_of("class A ", ""), full_of("export{", ""), full_of("export class A", ""),
      full_of("a=class ", "export{a as b,a as c};"), full_of("export default A", ""),
      full_of("a", "export default "), full_of(" ", "export default a"), full_of("export{a};", ""),
    } do
      scan.module(source)
      scan.service_worker(source)
    end
    local named = {}
    for i = 1, 20000 do named[i] = ("export class A%d {"):format(i) end
    scan.module(table.concat(named) .. ("}"):rep(20000))
    assert.is_true(os.clock() - started < 20)
  end)

  it("of a service worker are what it listens to", function ()
    assert.same({ "fetch", "scheduled" }, scan.service_worker [[
      addEventListener("fetch", f); addEventListener('scheduled', s); addEventListener("fetch",
        g)]])
    assert.same({ "fetch" }, scan.service_worker "self.onfetch = f")
  end)
end)
