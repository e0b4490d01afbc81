-- The request budget: its arithmetic, what it keeps and where, its options. How it paces runs of
-- hours is in tests/c/budget.lua.
local async = require "moonherd.async"
local book = require "moonherd.cloudflare.budget_book"
local budget = require "moonherd.cloudflare.budget"
local clock = require "moonherd._clock"
local cloudflare = require "moonherd.cloudflare"
local folder = require "tests.spec.support.folder"
local fs = require "moonherd.fs"
local log = require "moonherd._log"
local pace = require "moonherd.cloudflare.pace"
local ratelimit = require "moonherd.cloudflare.ratelimit"
local stand_in = require "tests.spec.support.stand_in"
local store = require "moonherd.store"

local CREDENTIAL = "token-that-stands-nowhere"

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

describe("pace.grant", function ()
  local function allowance(more)
    local given = { quota = 100, window = 100, reserve = 0, used = 0 }
    for name, value in pairs(more or {}) do given[name] = value end
    return given
  end

  it("lets so many go, and says why not more", function ()
    local cases = {
      { "an empty log: a tenth of the quota and one", {}, 50, 11, "rate" },
      { "as many as are asked for", {}, 5, 5, nil },
      { "half a log: half as far ahead", { used = 50 }, 50, 6, "rate" },
      { "a full log", { used = 100, oldest = 960 }, 5, 0, "window", 61 },
      { "one short of a full log", { used = 99, oldest = 960 }, 5, 1, "window", 61 },
      { "a reserve", { used = 60, reserve = 40, oldest = 960 }, 5, 0, "window", 61 },
      { "what the service says", { left = 2, left_until = 1030 }, 5, 2, "service", 30 },
      { "less the reserve", { left = 12, left_until = 1030, reserve = 10 }, 5, 2, "service", 30 },
      { "of which others have used some",
        { left = 8, left_until = 1030, reserve = 10, left_others = 9 }, 20, 7 },
      { "what it has said before", { left = 0, left_until = 999 }, 5, 5, nil },
      { "a block", { blocked_until = 1200 }, 5, 0, "blocked", 200 },
      { "a block that is over", { blocked_until = 1000 }, 5, 5, nil },
      { "not yet due", { used = 99, due = 1003, oldest = 1 }, 1, 0, "rate" },
      { "due so late that the clock was set back", { due = 1e6 }, 1, 0, "rate" },
    }
    for _, case in ipairs(cases) do
      local count, _, why, wait = pace.grant(allowance(case[2]), case[3], 1000)
      assert.are.equal(case[4], count, case[1])
      if case[5] then assert.are.equal(case[5], why, case[1]) end
      if case[6] then assert.are.equal(case[6], wait, case[1]) end
      assert.is_true(why == nil or wait > 0 and wait <= 200, case[1])
    end
  end)

  it("never lets more than the quota go in any window, and wastes little", function ()
    local given = allowance { quota = 40, window = 10 }
    local now, sent, log_of = 1000, {}, {}
    while now < 1100 do
      local used, oldest = 0, nil
      for _, time in ipairs(log_of) do
        if time > now - pace.span(10) then used, oldest = used + 1, oldest or time end
      end
      given.used, given.oldest = used, oldest
      local count, due, _, wait = pace.grant(given, 3, now)
      given.due = due
      for _ = 1, count do
        sent[#sent + 1] = now
        log_of[#log_of + 1] = now // pace.tick(10) * pace.tick(10)
      end
      now = now + math.max(wait or 0, 1e-3)
    end
    for i = 41, #sent do assert.is_true(sent[i] - sent[i - 40] > 10, i) end
    assert.is_true(#sent > 400 * 0.98, #sent)
  end)
end)

describe("ratelimit", function ()
  it("reads the policy", function ()
    local cases = {
      { '"default";q=1200;w=300', 1200, 300 }, { '"default";w=300;q=1200', 1200, 300 },
      { '"default";q=1200;w=300, "burst";q=100;w=60', 100, 60 },
      { '"a, b";q=7;w=1', 7, 1 }, { "default; q=5; w=6", 5, 6 },
      { '"default";q=0;w=300' }, { '"default";q=1200' }, { "nonsense" }, { "" },
      { '"default";q=99999999999999999999;w=300' }, { '"default";q=1;w=99999999999' },
      { '"default";q=1;w=99999999999,"burst";q=100;w=60', 100, 60 },
      { ("a;q=%d;w=2,b;q=5;w=2"):format(math.maxinteger), 5, 2 },
    }
    for _, case in ipairs(cases) do
      local quota, window = ratelimit.policy { ["ratelimit-policy"] = case[1] }
      assert.are.same({ case[2], case[3] }, { quota, window }, case[1])
    end
    assert.is_nil(ratelimit.policy {})
  end)

  it("reads what is left", function ()
    local cases = {
      { '"default";r=50;t=30', 50, 30 }, { '"default";r=0;t=300', 0, 300 },
      { '"default";r=50;t=30,"burst";r=3;t=7', 3, 7 }, { '"default";r=-1;t=30' }, { "" },
    }
    for _, case in ipairs(cases) do
      local left, reset = ratelimit.left { ratelimit = case[1] }
      assert.are.same({ case[2], case[3] }, { left, reset }, case[1])
    end
  end)
end)

describe("the budget", function ()
  local place, books, now, warnings
  local real_wall, real_write = clock.wall, log.write

  before_each(function ()
    place, books, now, warnings = folder.new(), {}, 1800000000, {}
    clock.wall = function () return now end
    log.write = function (level, message) warnings[#warnings + 1] = level .. ": " .. message end
  end)
  after_each(function ()
    clock.wall, log.write = real_wall, real_write
    place:remove()
  end)

  local function test(name, f)
    it(name, function ()
      local _ <close> = setmetatable({}, { __close = function ()
        for _, one in ipairs(books) do one:close() end
      end })
      f()
    end)
  end

  -- What a process has that keeps its book in a folder.
  local function process(opts, identity, directory)
    local one = budget.new("the tests", nil, function ()
      local opened = book.open(directory or place:at "state")
      books[#books + 1] = opened
      return opened, opened:name_of(identity or CREDENTIAL)
    end)
    one:configure(opts or { reserve = 0 })
    return one
  end

  local function answer(left, reset, more)
    local headers = { ratelimit = ('"default";r=%d;t=%d'):format(left, reset) }
    for name, value in pairs(more or {}) do headers[name] = value end
    return { status = 200, headers = headers }
  end

  -- Requests that need no wait.
  local function take(one, count)
    async.timeout(10, function ()
      for _ = 1, count or 1 do
        one:take()
        one:note()
      end
    end)
  end

  local function waits(one)
    return not pcall(async.timeout, 0.02, one.take, one) and one:view().waiting == 0
  end

  test("is kept where only its owner may look, and without the credential", function ()
    local one = process()
    take(one, 3)
    books[1]:close()
    assert.are.equal(448, fs.stat(place:at "state").mode & 511)
    for _, name in ipairs(fs.list(place:at "state")) do
      assert.are.equal(384, fs.stat(place:at("state/" .. name)).mode & 511, name)
      local bytes = fs.read(place:at("state/" .. name))
      assert.is_nil(bytes:find(CREDENTIAL, 1, true), name)
    end
    assert.are.equal(32, #fs.read(place:at "state/budget.key"))
  end)

  test("is one for those of one credential, another for others", function ()
    local one, same, other = process(), process(), process(nil, "another token")
    take(one, 20)
    assert.are.same({ 1180, 20 }, { one:view().remaining, one:view().used })
    assert.are.same({ 1180 - one.lease, 0 }, { same:view().remaining, same:view().used })
    assert.are.equal(1200, other:view().remaining)
  end)

  test("takes quota and window from the service, for all", function ()
    local one, same = process(), process()
    one:take()
    one:note(answer(49, 60, { ["ratelimit-policy"] = '"default";q=50;w=60' }))
    take(one)
    local view = same:view()
    assert.are.same({ 50, 60 }, { view.limit, view.window })
    assert.is_true(view.remaining <= 48)
  end)

  test("makes room for those who use the same allowance elsewhere", function ()
    local one, same = process(), process()
    one:take()
    one:note(answer(3, 120))
    assert.are.same({ 3, 120 }, { one:view().remaining, one:view().reset })
    take(one, 3)
    assert.is_true(waits(one))
    assert.is_true(waits(same))
    now = now + 120
    take(same, 5)
  end)

  test("does not believe that nothing is left for years", function ()
    local one = process()
    one:take()
    one:note(answer(0, 99999999999))
    assert.are.same({ 0, 900 }, { one:view().remaining, one:view().reset })
    assert.is_true(waits(one))
    now = now + 900
    take(one)
  end)

  test("believes the least that is left, in whichever order answers come", function ()
    local one = process()
    take(one, 10)
    for _, left in ipairs { 8, 5, 7, 6 } do one:note(answer(left, 120)) end
    one.answered = one.taken
    assert.are.equal(5, one:view().remaining)
  end)

  test("is blocked for all when the service refuses", function ()
    local one, same = process(), process()
    take(same)
    one:take()
    one:note { status = 429, headers = { ["retry-after"] = "300" } }
    assert.is_true(one:is_blocked())
    now = now + 60
    assert.are.same({ 240, 0 }, { same:view().blocked, same:view().remaining })
    assert.is_true(waits(same))
    assert.is_true(same:is_blocked())
    now = now + 240
    assert.is_nil(same:view().blocked)
    take(same)
    take(one)
  end)

  test("sends one request when a block is over, and the others when it was answered", function ()
    local one, same = process(), process()
    take(one)
    take(same)
    one:take()
    one:note { status = 429, headers = { ["retry-after"] = "300" } }
    assert.is_true(waits(same))
    now = now + 300
    for _, blocked in ipairs { one, same } do
      local sent, turns = 0, {}
      for i = 1, 8 do
        turns[i] = async.spawn(function ()
          blocked:take()
          sent = sent + 1
        end)
      end
      async.sleep(0.02)
      assert.are.equal(1, sent)
      blocked:note()
      for i = 1, 8 do turns[i]:wait() end
      assert.are.equal(8, sent)
    end
  end)

  test("does not take a 429 that names no time for a block", function ()
    local one = process()
    one:take()
    one:note { status = 429, headers = {} }
    take(one)
  end)

  test("does not stand still when the clock is set back", function ()
    local one = process { reserve = 0, quota = 10, window = 10 }
    now = now + 3600
    for _ = 1, 10 do
      take(one)
      now = now + 1.1
    end
    take(one)
    one:note { status = 429, headers = answer(0, 10, { ["retry-after"] = "10" }).headers }
    now = now - 3600
    assert.is_true(waits(one)) -- for the next by the rate, no longer
    now = now + 1.1
    take(one)
    now = now + 1.1
    take(process { reserve = 0, quota = 10, window = 10 })
  end)

  test("gives unused requests back to the others", function ()
    local one, same = process(), process()
    local turns = {}
    take(one)
    for i = 1, 30 do turns[i] = async.spawn(take, one) end
    for i = 1, 30 do turns[i]:wait() end
    now = now + 2
    take(one)
    assert.are.equal(1200 - one.taken - one.lease, same:view().remaining)
    assert.is_true(one.lease <= 4)
  end)

  test("has the default reserve, or the greatest that was asked for", function ()
    assert.are.equal(60, process {}:view().reserve)
    local one = process { reserve = 10 }
    one:configure { reserve = 300 }
    one:configure { reserve = 20 }
    assert.are.same({ 300, 900 }, { one:view().reserve, one:view().remaining })
  end)

  test("goes on when the service allows less than the reserve", function ()
    local one = process { reserve = 300 }
    for left = 99, 98, -1 do
      one:take()
      one:note(answer(left, 60, { ["ratelimit-policy"] = '"default";q=100;w=60' }))
      now = now + 61
    end
    assert.are.same({ 100, 99 }, { one:view().limit, one:view().reserve })
  end)

  describe("without a file that can be used", function ()
    local function works_alone(pattern, directory)
      local one = process(nil, nil, directory)
      take(one, 10)
      assert.are.equal(1190, one:view().remaining)
      assert.are.equal(1, #warnings, table.concat(warnings, "\n"))
      assert.is_truthy(warnings[1]:find("^warn: the request budget is not shared"), warnings[1])
      assert.is_truthy(warnings[1]:find(pattern), warnings[1])
    end

    test("goes on alone when there can be no folder", function ()
      place:write("file", "")
      works_alone("file", place:at "file/state")
    end)

    test("goes on alone when it is damaged", function ()
      place:write("state/budget.db", ("no database "):rep(1000))
      works_alone "budget.db"
    end)

    test("goes on alone when its key is damaged", function ()
      place:write("state/budget.key", "short")
      works_alone "budget.key is damaged: 5 bytes"
    end)

    test("goes on alone when it is from a newer version", function ()
      local db = store.open(place:at "state/budget.db")
      db:close()
      local newer = {}
      for i = 1, 99 do newer[i] = "SELECT 1" end
      store.open(place:at "newer.db", { migrations = newer }):close()
      fs.write(place:at "state/budget.db", fs.read(place:at "newer.db"))
      works_alone "newer"
    end)

    test("goes on from what it knew when it fails later", function ()
      local one = process()
      take(one, 100)
      books[1].store.write = function ()
        error(setmetatable({ kind = "io", reason = "disk_full", message = "no space" },
          getmetatable(failure(fs.read, place:at "none"))), 0)
      end
      now = now + 2
      take(one, 2)
      assert.are.equal(1, #warnings)
      assert.are.equal(1098, one:view().remaining)
    end)
  end)
end)

describe("the option budget of connect", function ()
  local function connect(opts)
    return stand_in.without_host_options(function ()
      opts.account_id, opts.api_token = opts.account_id or "a", opts.api_token or "t"
      return cloudflare.connect(opts)
    end)
  end

  it("is on where requests are counted, off on this machine", function ()
    local cases = {
      { { target = "cloudflare" }, true }, { { base_url = "https://api.example.com" }, true },
      { { base_url = "http://127.0.0.1:8787/client/v4" }, false },
      { { target = "cloudflare", budget = false }, false },
      { { base_url = "http://localhost:1", budget = true }, true },
    }
    for i, case in ipairs(cases) do
      assert.are.equal(case[2], connect(case[1])._budget ~= nil, i)
    end
    assert.is_nil(connect { base_url = "http://localhost:1" }:budget())
  end)

  it("gives clients of one credential one budget, whatever the account", function ()
    local a = connect { target = "cloudflare", api_token = "one" }
    local same = connect { target = "cloudflare", api_token = "one", account_id = "b" }
    local other = connect { target = "cloudflare", api_token = "two" }
    local elsewhere = connect { base_url = "https://api.example.com", api_token = "one" }
    assert.are.equal(a._budget, same._budget)
    assert.are_not.equal(a._budget, other._budget)
    assert.are_not.equal(a._budget, elsewhere._budget)
  end)

  it("gives a group one budget, whatever the credential", function ()
    local function member(token, group)
      return connect { target = "cloudflare", api_token = token, budget = { group = group } }
    end
    assert.are.equal(member("one", "me")._budget, member("two", "me")._budget)
    assert.are_not.equal(member("one", "me")._budget, member("one", "you")._budget)
    assert.are_not.equal(member("me", "me")._budget,
      connect { target = "cloudflare", api_token = "me" }._budget)
  end)

  it("says what is wrong", function ()
    local cases = {
      { { budget = 7 }, "option 'budget'" }, { { budget = { grup = "a" } }, "'group'" },
      { { budget = { reserve = -1 } }, "'reserve'" }, { { budget = { quota = 0 } }, "'quota'" },
      { { budget = { window = 0 } }, "'budget.window'" },
      { { budget = { group = "" } }, "'budget.group'" },
      { { budget = { quota = 10, reserve = 10 } }, "'budget.reserve'.*quota of 10" },
    }
    for i, case in ipairs(cases) do
      local err = failure(connect, { target = "cloudflare", budget = case[1].budget })
      assert.are.equal("usage", err.kind, i)
      assert.is_truthy(err.message:find(case[2]), err.message)
    end
  end)
end)
