-- Versions of a script: which changes make one, that none is ever another, that the last ten are
-- kept, and that a change which others get in the way of is made once or not at all.

local clock = require "moonherd._clock"
local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, file = support.ok, support.file
local SCRIPT = "/prod/scripts/a"
local SETTINGS, SECRETS = SCRIPT .. "/settings", SCRIPT .. "/secrets"
local LARGE = ("0123456789abcdef"):rep(40000)

local function patch(settings) return { "PATCH", SETTINGS, { json = settings } } end

local function secret(name, text)
  return { "PUT", SECRETS, { json = { name = name, text = text } } }
end

local function content(source)
  local form = support.form({ main_module = "index.js" }, { file("index.js", source) })
  return { "PUT", SCRIPT .. "/content", { form = form } }
end

-- Twelve changes that each make a version.
local CHANGES = {
  secret("A", "the-value-of-a"),
  content(support.SOURCE .. "// 1"),
  patch { compatibility_date = "2026-01-01" },
  { "PATCH", SCRIPT .. "/secrets-bulk", { json = { secrets = { A = json.null,
    B = { text = "the-value-of-b" }, C = { text = "the-value-of-c" } } } } },
  { "DELETE", SECRETS .. "/B" },
  patch { bindings = json.array { { name = "AI", type = "ai" },
    { name = "C", type = "inherit" } } },
  secret("D", "the-value-of-d"),
  secret("D", "another-value-of-d"),
  patch { limits = { cpu_ms = 1 } },
  content(support.SOURCE .. "// 2"),
  patch { migrations = { new_tag = "v1" } },
  patch { placement = { mode = "smart" } },
}

-- Changes of the script alone, and some that change nothing.
local NO_VERSION = {
  patch { logpush = true, observability = { enabled = true } },
  patch { tail_consumers = json.array { { service = "tail" } }, tags = json.array { "a" } },
  patch { compatibility_date = "2021-11-02" },
  patch {},
  { "PUT", SCRIPT .. "/tags", { json = json.array { "b" } } },
  { "PUT", SCRIPT .. "/tags/c" },
  { "DELETE", SCRIPT .. "/tags/c" },
}

local server

local function start()
  server = support.start()
  server:make_namespace "prod"
  ok(server:put(SCRIPT, {}, { file("index.js", support.SOURCE),
    file("large.txt", LARGE, "text/plain") }))
end

local function make(change) return ok(server:api(table.unpack(change))) end

local function count(from)
  local statement = { "SELECT count(*) AS n FROM " .. from }
  return server.platform.store.db:read_one(statement).n
end

-- The versions that are there, by number, with the sealed secrets of each.
local function versions()
  local by_number = {}
  local rows, secrets = server.platform.store.db:read {
    { "SELECT * FROM version" },
    { "SELECT v.number, s.name, s.sealed FROM secret s JOIN version v ON v.id = s.version_id" },
  }
  for _, row in ipairs(rows) do
    row.secrets = {}
    by_number[row.number] = row
  end
  for _, row in ipairs(secrets) do by_number[row.number].secrets[row.name] = row.sealed end
  return by_number
end

describe("the versions of a script", function ()
  before_each(start)
  after_each(function () server:close() end)

  it("are one more after each change, and the same as ever", function ()
    local seen, uuids = versions(), {}
    for number, change in ipairs(CHANGES) do
      make(change)
      local now = versions()
      assert.is_table(now[number + 1])
      assert.is_nil(now[number + 2])
      for known, version in pairs(now) do
        assert.same(seen[known] or version, version)
        seen[known] = version
      end
    end
    for _, version in pairs(seen) do
      assert.is_nil(uuids[version.uuid])
      uuids[version.uuid] = true
    end
  end)

  it("are ten at most, with the code and the secrets of those and no other", function ()
    for _, change in ipairs(CHANGES) do make(change) end
    assert.equal(10, count "version")
    assert.equal(2, count "code")
    assert.equal(2, count "module")
    assert.equal(0, count "secret WHERE version_id NOT IN (SELECT id FROM version)")
    server.platform.store:sweep(clock.wall())
    server.platform.store:sweep(clock.wall() + 3601)
    assert.equal(0, count "blob")
    assert.equal(0, count "block")
  end)

  it("are no more after a change of the script alone", function ()
    local before = versions()
    for _, change in ipairs(NO_VERSION) do
      make(change)
      assert.same(before, versions())
    end
  end)
end)

describe("a change that others get in the way of", function ()
  before_each(start)
  after_each(function () server:close() end)

  -- Has the next writes of scripts find that the script is not as it was read.
  local function miss(times)
    local store = server.platform.store
    local put_script = store.put_script
    function store.put_script(...)
      if times == 0 then return put_script(...) end
      times = times - 1
      return false
    end
  end

  it("is decided again on what they left, and made once", function ()
    for number, change in ipairs(CHANGES) do
      miss(1)
      make(change)
      assert.is_nil(versions()[number + 2])
    end
    assert.equal(#CHANGES + 1, versions()[#CHANGES + 1].number)
    miss(3)
    make(patch { logpush = true })
    assert.is_true(ok(server:api("GET", SETTINGS)).logpush)
  end)

  -- Seconds pass while it tries, but not for this test.
  it("is given up after five seconds, and nothing is changed", function ()
    local before, now, passed = versions(), clock.now, 0
    clock.now = function ()
      passed = passed + 1
      return now() + passed
    end
    local _ <close> = setmetatable({}, { __close = function () clock.now = now end })
    miss(math.huge)
    for _, change in ipairs { secret("A", "the-value-of-a"), patch { logpush = true },
      content "export default { queue() {} }" } do
      support.refused(server:api(table.unpack(change)), 500, 10013)
    end
    assert.same(before, versions())
  end)
end)

it("the versions of a script outlive a restart", function ()
  start() -- and closed in here: a server that is started again belongs to this test
  for _, change in ipairs(CHANGES) do make(change) end
  local before, settings = versions(), ok(server:api("GET", SETTINGS))
  server:restart()
  assert.same(before, versions())
  assert.equal(json.encode(settings), json.encode(ok(server:api("GET", SETTINGS))))
  server:close()
end)
