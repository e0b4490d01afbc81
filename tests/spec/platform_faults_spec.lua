-- Faults on demand: which requests meet them, what a client sees, and what the platform then holds.

local assets = require "tests.spec.support.assets"
local async = require "moonherd.async"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local platform = require "tests.spec.support.platform"

local CONTROL = "/moonherd/faults"
local SCRIPT = "/prod/scripts/acme"

describe("faults", function ()
  local server

  before_each(function ()
    server = platform.start()
    server:make_namespace "prod"
  end)
  after_each(function ()
    server:close()
  end)

  local function switch_on(rules, more)
    local given = { faults = json.array(rules) }
    for name, value in pairs(more or {}) do
      given[name] = value
    end
    platform.ok(server:request("PUT", CONTROL, { json = given }))
  end

  -- The reason why a request got no answer.
  local function failure(...)
    local response, err = async.try(server.api, server, ...)
    assert.is_nil(response)
    return err.reason
  end

  local function upload()
    return server:put(SCRIPT)
  end

  local function exists()
    return server:api("GET", SCRIPT).status == 200
  end

  describe("as answers", function ()
    it("429, in each of its forms", function ()
      switch_on {
        { fault = "rate_limited", count = 1, retry_after = 7 },
        { fault = "rate_limited", count = 1 },
        { fault = "rate_limited", count = 1, body = "null" },
        { fault = "rate_limited", count = 1, body = "empty" },
      }
      local first = server:api("GET", "")
      assert.same({ 429, "7", 971 }, { first.status, first.headers["retry-after"],
        first.json.errors[1].code })
      assert.is_nil(server:api("GET", "").headers["retry-after"])
      assert.equal("null", server:api("GET", "").body)
      local last = server:request("GET", platform.NAMESPACES, { headers = { accept = "*/*" } })
      assert.equal("", last.body)
    end)

    it("a gateway's page", function ()
      switch_on { { fault = "bad_gateway" } }
      local response = server:api("GET", "")
      assert.equal(502, response.status)
      assert.truthy(response.headers["content-type"]:find "text/html")
    end)

    it("a gateway's JSON, which asks to come again", function ()
      switch_on { { fault = "gateway_timeout", retry_after = 30 } }
      local response = server:api("GET", "")
      assert.same({ 504, 30 }, { response.status, response.json.retry_after })
    end)

    it("500 after the change was made", function ()
      switch_on { { fault = "applied_error", method = "PUT" } }
      assert.equal(500, upload().status)
      assert.is_true(exists())
    end)
  end)

  describe("of connections", function ()
    it("cut before anything is read", function ()
      switch_on { { fault = "reset", method = "PUT" } }
      assert.equal("connection_reset", failure("PUT", SCRIPT, { body = "x" }))
      assert.is_false(exists())
    end)

    it("cut in the middle of the body", function ()
      switch_on { { fault = "reset", when = "body", method = "PUT" } }
      assert.equal("connection_reset", failure("PUT", SCRIPT, { body = ("x"):rep(500000) }))
      assert.is_false(exists())
    end)

    it("cut after the change was made", function ()
      switch_on { { fault = "reset", when = "after", method = "PUT" } }
      local form = platform.form({ main_module = "index.js" },
        { platform.file("index.js", platform.SOURCE) })
      assert.equal("connection_reset", failure("PUT", SCRIPT, { form = form }))
      assert.is_true(exists())
    end)

    it("cut in the middle of the answer", function ()
      upload()
      switch_on { { fault = "reset", when = "answer", method = "DELETE" } }
      assert.equal("connection_reset", failure("DELETE", SCRIPT))
      assert.is_false(exists())
    end)

    it("that say nothing", function ()
      switch_on { { fault = "stall", method = "GET", path = "/scripts/*" } }
      local ok, err = async.try(moonherd.timeout, 0.05, server.api, server, "GET", SCRIPT)
      assert.is_nil(ok)
      assert.equal("timeout", err.kind)
      repeat -- until the platform has noticed that nobody waits any more
        async.sleep(0.01)
      until #server:request("GET", "/moonherd/requests?fault=stall").result == 1
    end)
  end)

  describe("of assets", function ()
    local FILES = { ["/index.html"] = "<h1>hello</h1>" }

    it("a token whose hour is over", function ()
      switch_on { { fault = "expired_token", path = "/assets/upload" } }
      local token = assets.session(server, SCRIPT, assets.manifest(FILES))
      local part = assets.part(FILES["/index.html"], "text/html")
      local response = assets.upload(server, token, { part })
      assert.same({ 401, 10000 }, { response.status, response.json.errors[1].code })
    end)

    it("no token at the end", function ()
      switch_on { { fault = "no_completion_token", path = "/assets/upload", count = 1 } }
      local token = assets.session(server, SCRIPT, assets.manifest(FILES))
      local part = assets.part(FILES["/index.html"], "text/html")
      local response = assets.upload(server, token, { part })
      assert.same({ 201, nil }, { response.status, response.result.jwt })
      -- A session opened anew has nothing to ask for: its token is the one that is missing.
      local _, buckets = assets.session(server, SCRIPT, assets.manifest(FILES))
      assert.equal(0, #buckets)
    end)
  end)

  it("of updates that are not seen at once", function ()
    switch_on { { fault = "lag", seconds = 0.2, method = "PUT" } }
    local first = platform.ok(upload()).etag
    assert.equal(first, server:api("GET", SCRIPT).result.script.etag)
    local second = platform.ok(server:put(SCRIPT, {},
      { platform.file("index.js", platform.SOURCE .. "// two") })).etag
    assert.equal(first, server:api("GET", SCRIPT).result.script.etag)
    async.sleep(0.25) -- what is measured is the platform's own clock
    assert.equal(second, server:api("GET", SCRIPT).result.script.etag)
  end)

  describe("are picked", function ()
    -- The statuses of some requests for a script that is not there: 404, or 502 for a fault.
    local function statuses(count, name)
      local list = {}
      for i = 1, count do
        list[i] = server:api("GET", "/prod/scripts/" .. (name or "acme")).status
      end
      return list
    end

    it("by method and path, the whole of its end", function ()
      switch_on { { fault = "bad_gateway", method = "get", path = "/scripts/*" } }
      assert.equal(502, server:api("GET", SCRIPT).status)
      assert.equal(404, server:api("GET", SCRIPT .. "/content").status)
      assert.equal(200, upload().status)
    end)

    it("by script", function ()
      switch_on { { fault = "bad_gateway", script = "tenant-*" } }
      assert.same({ 502 }, statuses(1, "tenant-1"))
      assert.same({ 404 }, statuses(1, "a-tenant-1"))
      assert.equal(200, server:api("GET", "/prod").status)
    end)

    it("by count, behind those that are skipped", function ()
      switch_on { { fault = "bad_gateway", skip = 1, count = 2 } }
      assert.same({ 404, 502, 502, 404 }, statuses(4))
    end)

    it("by rate, and the same with the same seed", function ()
      local function row(seed)
        switch_on({ { fault = "bad_gateway", rate = 0.5 } }, { seed = seed })
        return statuses(20)
      end
      local first = row(7)
      assert.same(first, row(7))
      assert.not_same(first, row(8))
      local hits = 0
      for _, status in ipairs(first) do
        hits = hits + (status == 502 and 1 or 0)
      end
      assert.is_true(hits > 4 and hits < 16)
    end)
  end)

  it("of bulk deletes that take fewer than they were asked to", function ()
    for _, name in ipairs { "a", "b", "c" } do server:put("/prod/scripts/" .. name) end
    switch_on({}, { delete_limit = 2 })
    local function delete()
      local answer = json.decode(server:api("DELETE", "/prod/scripts?limit=1000").body).result
      return { answer.deleted_count, answer.has_more }
    end
    assert.same({ 2, true }, delete())
    assert.same({ 1, false }, delete())
  end)

  it("are shown with what they have done, and switched off", function ()
    switch_on { { fault = "bad_gateway", skip = 1 } }
    server:api("GET", "")
    server:api("GET", "")
    local shown = platform.ok(server:request("GET", CONTROL))
    assert.same({ 2, 1 }, { shown.faults[1].matches, shown.faults[1].hits })
    platform.ok(server:request("DELETE", CONTROL))
    assert.equal(200, server:api("GET", "").status)
  end)

  it("need the credential", function ()
    local response = server:request("PUT", CONTROL,
      { json = { faults = json.array {} }, headers = { authorization = "Bearer x" } })
    assert.equal(401, response.status)
  end)

  for name, case in pairs {
    ["an unknown fault"] = { { { fault = "earthquake" } }, "/faults/0/fault" },
    ["no fault"] = { { {} }, "/faults/0/fault" },
    ["an unknown field"] = { { { fault = "reset", scripts = "x" } }, "/faults/0/scripts" },
    ["a rate above one"] = { { { fault = "reset", rate = 2 } }, "/faults/0/rate" },
    ["a count that is none"] = { { { fault = "reset", count = 1.5 } }, "/faults/0/count" },
    ["a moment it does not have"] = { { { fault = "stall", when = "body" } }, "/faults/0/when" },
  } do
    it("are refused: " .. name, function ()
      local response = server:request("PUT", CONTROL, { json = { faults = json.array(case[1]) } })
      assert.equal(400, response.status)
      assert.equal(case[2], response.json.errors[1].source.pointer)
    end)
  end

  it("are refused: a body that is no object", function ()
    local response = server:request("PUT", CONTROL, { json = json.array {} })
    assert.equal(400, response.status)
  end)
end)

describe("the allowance", function ()
  local function with_limit(limit, f)
    local server = platform.start { faults = { limit = limit } }
    f(server)
    server:close()
  end

  local function allowance(response)
    return response.headers.ratelimit:match "r=(%d+);t=(%d+)"
  end

  it("is told with every answer, and not enforced unless it is asked for", function ()
    local server = platform.start()
    for _ = 1, 3 do
      local response = server:api("GET", "")
      assert.same({ "1200", "300" }, { allowance(response) })
      assert.equal('"default";q=1200;w=300', response.headers["ratelimit-policy"])
    end
    server:close()
  end)

  it("counts down and then refuses everything for a block", function ()
    with_limit({ quota = 2, window = 60, block = 120 }, function (server)
      assert.same({ "1", "60" }, { allowance(server:api("GET", "")) })
      assert.equal("0", (allowance(server:api("GET", ""))))
      local refused = server:api("GET", "")
      assert.same({ 429, 971, "120" }, { refused.status, refused.json.errors[1].code,
        refused.headers["retry-after"] })
      assert.equal('"default";q=2;w=60', refused.headers["ratelimit-policy"])
      assert.equal(429, server:api("GET", "/none").status)
    end)
  end)

  it("comes back when the block is over", function ()
    with_limit({ quota = 1, window = 0.05, block = 0.1 }, function (server)
      server:api("GET", "")
      assert.equal(429, server:api("GET", "").status)
      async.sleep(0.15)
      assert.equal(200, server:api("GET", "").status)
    end)
  end)

  it("is each user's own", function ()
    with_limit({ quota = 1 }, function (server)
      server:api("GET", "")
      assert.equal(429, server:api("GET", "").status)
      local other = server:api("GET", "", { headers = {
        authorization = false, ["x-auth-email"] = "a@example.com", ["x-auth-key"] = platform.TOKEN,
      } })
      assert.equal(200, other.status)
    end)
  end)
end)

describe("the request log", function ()
  local server

  before_each(function ()
    server = platform.start()
  end)
  after_each(function ()
    server:close()
  end)

  local function logged(query)
    return platform.ok(server:request("GET", "/moonherd/requests" .. (query or "")))
  end

  it("says who asked for what, when, and what came of it", function ()
    server:api("POST", "", { json = { name = "prod" }, headers = { ["user-agent"] = "tests/1" } })
    server:api("GET", "/none")
    local list = logged()
    assert.equal(2, #list)
    local first = list[1]
    assert.same({ "POST", platform.NAMESPACES, 200, 15, "tests/1", 1 }, { first.method,
      first.target, first.status, first.received, first.agent, first.number })
    assert.is_true(first.sent > 100 and first.seconds >= 0 and #first.user == 32)
    assert.equal(404, list[2].status)
  end)

  it("is asked for a part of it", function ()
    for _, path in ipairs { "", "/a", "/b" } do server:api("GET", path) end
    assert.equal(2, #logged "?status=404")
    assert.equal(1, #logged "?target=namespaces/b")
    assert.equal(1, #logged "?after=2")
    assert.equal(1, #logged "?limit=1&method=GET")
    assert.equal(400, server:request("GET", "/moonherd/requests?limit=x").status)
    for _, query in ipairs { "after=9223372036854775807", "after=1000000", "limit=0" } do
      assert.equal(0, #logged("?" .. query))
    end
  end)

  it("names the fault a request has met", function ()
    server:request("PUT", "/moonherd/faults", { json = { faults = json.array {
      { fault = "reset", count = 1 }, { fault = "bad_gateway", count = 1 } } } })
    async.try(server.api, server, "GET", "")
    server:api("GET", "")
    local list = logged()
    assert.same({ "reset", json.null, "bad_gateway", 502 },
      { list[1].fault, list[1].status, list[2].fault, list[2].status })
  end)

  it("is bounded, and can be emptied", function ()
    local log = require "moonherd.platform.request_log".new(3)
    local call = { method = "GET", target = "/x", headers = {}, received = 0, sent = 0 }
    for status = 200, 209 do
      call.answered = status
      log:add(call, 0)
    end
    local list = log:list {}
    assert.same({ 3, 208 - 1, 10 }, { #list, list[1].status, list[3].number })
    platform.ok(server:request("DELETE", "/moonherd/requests"))
    assert.equal(0, #logged())
  end)

  it("keeps the beginning of what callers may make long", function ()
    local log = require "moonherd.platform.request_log".new(1)
    local long = ("quite-long-"):rep(10000)
    log:add({ method = long, target = "/" .. long, headers = { ["user-agent"] = long },
      received = 0 }, 0)
    assert.is_true(#log.method[1] + #log.target[1] + #log.agent[1] < 1000)
    assert.is_truthy(log:list {}[1].target:find "^/quite%-long%-.*%.%.%.$")
  end)

  it("shows no credential, wherever it was sent", function ()
    local agent = { headers = { ["user-agent"] = "tests/" .. platform.TOKEN } }
    server:api("GET", "?x=1")
    server:api("GET", "?token=" .. platform.TOKEN, agent)
    -- Tokens that would be cut in the middle.
    for length = 100, 180 do server:api("GET", "/" .. ("x"):rep(length) .. platform.TOKEN) end
    local text = json.encode(logged())
    assert.is_nil(text:find("token-of", 1, true))
    assert.is_truthy(text:find("?token=[hidden]", 1, true))
  end)
end)
