-- namespace:scripts { include = … }: what the list does not carry, read ahead.
local async = require "moonherd.async"
local cloudflare = require "moonherd.cloudflare"
local json = require "moonherd.json"
local serve = require "moonherd.serve"
local stand_in = require "tests.spec.support.stand_in"

-- A server that knows the scripts `names`; what is read of one names it. It keeps how many reads
-- were there at once at `most`. `special[name]` is a status to answer with, or a function that is
-- called first.
local Server = {}
Server.__index = Server

local function success(result, info)
  return 200, json.encode {
    success = true, errors = json.array {}, messages = json.array {}, result = result,
    result_info = info,
  }
end

local function failure(status)
  local code = status == 404 and 10007 or 10013
  return status, json.encode { success = false, errors = { { code = code, message = "no" } } }
end

function Server:list(target)
  local limit = tonumber(target:match "limit=(%d+)") or #self.names
  local from = tonumber(target:match "cursor=(%d+)") or 0
  if from == self.bad_cursor then return 500, "" end
  local page, last = json.array {}, math.min(from + limit, #self.names)
  for i = from + 1, last do
    page[#page + 1] = { id = self.names[i], tags = self.tags }
  end
  return success(page, { cursor = last < #self.names and tostring(last) or nil })
end

function Server:read(name, what)
  self.at_once = self.at_once + 1
  self.most = math.max(self.most, self.at_once)
  async.sleep(0.001)
  local special = self.special[name]
  if type(special) == "function" then special() end
  self.at_once = self.at_once - 1
  if math.type(special) == "integer" then return failure(special) end
  if what == "tags" then return success { "tag of " .. name } end
  return success { { name = what .. " of " .. name, type = "plain_text" } }
end

function Server:answer(request)
  local name, what = request.target:match "/scripts/([^/?]+)/(%l+)"
  self.requests[#self.requests + 1] = name and name .. "/" .. what or "list"
  self.busy = self.busy + 1
  local answer = name and table.pack(self:read(name, what)) or table.pack(self:list(request.target))
  pcall(request.respond, request, answer[1], { ["content-type"] = "application/json" }, answer[2])
  self.busy = self.busy - 1
end

local function serve_all(self)
  for request in function () return self.server:accept() end do
    async.spawn(self.answer, self, request)
  end
end

-- Waits until something has been asked for.
function Server:wait_until_asked(what)
  while true do
    for _, request in ipairs(self.requests) do
      if request == what then return end
    end
    async.sleep(0.001)
  end
end

-- Waits until every request has been answered, whoever is still there to read it.
function Server:settle()
  repeat async.sleep(0.001) until self.busy == 0
end

function Server:close()
  self.server:close()
  self.task:wait()
end

local function new_server()
  local self = setmetatable({
    server = serve.listen {}, names = {}, special = {}, requests = {},
    at_once = 0, most = 0, busy = 0,
  }, Server)
  self.task = async.spawn(serve_all, self)
  async.sleep(0)
  self.ns = stand_in.without_host_options(function ()
    return cloudflare.connect {
      base_url = ("http://127.0.0.1:%d/client/v4"):format(self.server.port),
      account_id = stand_in.ACCOUNT, api_token = stand_in.TOKEN,
    }:namespace "prod"
  end)
  return self
end

describe("what is included in a list of scripts", function ()
  local server
  before_each(function () server = new_server() end)
  after_each(function () server:close() end)

  local function numbered(n)
    local list = {}
    for i = 1, n do list[i] = ("s%02d"):format(i) end
    return list
  end

  it("is read for each, and given in order", function ()
    server.names = numbered(5)
    local seen = {}
    for script, info in server.ns:scripts { include = { "bindings", "tags" } } do
      seen[#seen + 1] = { script.name, info.bindings[1].name, info.tags[1] }
    end
    assert.are.same({ "s01", "bindings of s01", "tag of s01" }, seen[1])
    assert.are.same({ "s05", "bindings of s05", "tag of s05" }, seen[5])
    assert.are.equal(11, #server.requests)
  end)

  it("is in order also when the first is the slowest", function ()
    server.names = numbered(6)
    server.special.s01 = function () server:wait_until_asked "s06/tags" end
    local names = {}
    for script in server.ns:scripts { include = { "tags" } } do names[#names + 1] = script.name end
    assert.are.same(numbered(6), names)
  end)

  it("costs nothing when the list has it", function ()
    server.names = { "a" }
    server.tags = { "x" }
    for _, info in server.ns:scripts { include = { "tags" } } do
      assert.are.same({ "x" }, info.tags)
    end
    assert.are.same({ "list" }, server.requests)
  end)

  it("is read for eight scripts at once, or as many as are asked for", function ()
    server.names = numbered(30)
    for _, n in ipairs { 8, 2, 1 } do
      local seen = 0
      server.most = 0
      local function wait() while server.most < n do async.sleep(0.001) end end
      for _, name in ipairs(server.names) do server.special[name] = wait end
      local opts = { include = { "bindings" }, concurrency = n ~= 8 and n or nil }
      for _ in server.ns:scripts(opts) do seen = seen + 1 end
      assert.are.same({ 30, n }, { seen, server.most })
    end
  end)

  it("is read page after page, up to max", function ()
    server.names = numbered(10)
    local names = {}
    for script in server.ns:scripts { include = { "tags" }, page_size = 4, max = 9 } do
      names[#names + 1] = script.name
    end
    assert.are.same(numbered(9), names)
    assert.are.equal(3 + 9, #server.requests)
  end)

  it("says of a script that is gone that it is missing", function ()
    server.names, server.special = { "a", "gone", "z" }, { gone = 404 }
    local missing, tags = {}, {}
    for script, info in server.ns:scripts { include = { "tags", "bindings" } } do
      missing[script.name], tags[script.name] = info.missing or false, #info.tags
      assert.are.equal(info.missing == nil, info.bindings ~= nil)
    end
    assert.are.same({ a = false, gone = true, z = false }, missing)
    assert.are.same({ a = 1, gone = 0, z = 1 }, tags)
    assert.are.equal(1 + 2 + 1 + 2, #server.requests)
  end)

  it("raises what failed where its turn is", function ()
    server.names, server.special = { "a", "b", "bad", "d" }, { bad = 500 }
    local seen = {}
    local ok, err = pcall(function ()
      for script in server.ns:scripts { include = { "bindings" } } do
        seen[#seen + 1] = script.name
      end
    end)
    assert.are.same({ false, "server_error" }, { ok, err.reason })
    assert.are.same({ "a", "b" }, seen)
    assert.is_truthy(err.message:find "list bindings of script prod/bad")
  end)

  it("raises a page that failed behind what was there before it", function ()
    server.names = numbered(8)
    server.bad_cursor = 4
    local seen = {}
    local ok, err = pcall(function ()
      for script in server.ns:scripts { include = { "tags" }, page_size = 4 } do
        async.sleep(0.01) -- the next page has failed by then
        seen[#seen + 1] = script.name
      end
    end)
    assert.are.same({ false, "server_error" }, { ok, err.reason })
    assert.are.same(numbered(4), seen)
  end)

  it("ends when the loop is left, also with a captured loop variable", function ()
    server.names = numbered(50)
    local captured
    async.scope(function ()
      for script in server.ns:scripts { include = { "bindings" }, concurrency = 4 } do
        captured = function () return script end
        if script.name == "s03" then break end
      end
    end)
    assert.are.equal("s03", captured().name)
    assert.is_true(#server.requests <= 1 + 3 + 4, #server.requests)
    assert.are.equal(0, server.at_once)
  end)

  it("ends with the time limit around the loop", function ()
    local is_over = false
    server.names = numbered(3)
    server.special.s02 = function () repeat async.sleep(0.001) until is_over end
    local ok, err = pcall(async.timeout, 0.02, function ()
      for _ in server.ns:scripts { include = { "tags" } } do async.sleep(0) end
    end)
    is_over = true
    assert.are.same({ false, "timeout" }, { ok, err.kind })
    server:settle()
  end)

  it("goes on when whoever stepped before was cancelled", function ()
    local is_over = false
    server.names = numbered(3)
    server.special.s01 = function () repeat async.sleep(0.001) until is_over end
    local step = server.ns:scripts { include = { "tags" } }
    async.race(step, function () server:wait_until_asked "s01/tags" end)
    is_over = true
    local names = {}
    for script in step do names[#names + 1] = script.name end
    assert.are.same(numbered(3), names)
    server:settle()
  end)

  it("works in map and each, a step at a time", function ()
    server.names = numbered(20)
    local names = async.map(server.ns:scripts { include = { "tags" } }, { concurrency = 5 },
      function (script, info) return info.tags[1] == "tag of " .. script.name and script.name end)
    assert.are.same(numbered(20), names)
    local report = async.each(server.ns:scripts { include = { "tags" } }, function (script)
      if script.name == "s07" then error "odd" end
    end)
    assert.are.same({ 19, "s07" }, { report.done, report.failed[1].item.name })
    assert.are.equal(20, #async.collect(server.ns:scripts { include = { "tags" } }))
  end)

  it("is checked", function ()
    local function message(opts)
      local ok, err = pcall(server.ns.scripts, server.ns, opts)
      assert.are.same({ false, "usage" }, { ok, err.kind })
      return err.message
    end
    assert.is_truthy(message({ include = { "setings" } }):find "did you mean 'settings'")
    assert.is_truthy(message({ include = "tags" }):find "'include' %(list of strings expected")
    assert.is_truthy(message({ include = { 1 } }):find "list of strings")
    assert.is_truthy(message({ concurrency = 0 }):find "at least 1")
    for _ in server.ns:scripts { include = {} } do error "there is none" end
  end)
end)
