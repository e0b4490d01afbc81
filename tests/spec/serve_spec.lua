-- The HTTP server as scripts see it, through our own client. What happens on the wire is tested in
-- tests/c/test_serve*.c.
local moonherd = require "moonherd"
local errors = require "moonherd._error"
local fs = require "moonherd.fs"
local http = require "moonherd.http"
local serve = require "moonherd.serve"

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_table(err)
  return err
end

-- Runs f(url, server) beside a server with this handler.
local function with_server(options, f)
  if type(options) == "function" then options = { handler = options } end
  local task
  moonherd.scope(function ()
    local url, server
    function options.on_listen(listening)
      server, url = listening, "http://127.0.0.1:" .. listening.port
    end
    task = moonherd.spawn(serve.run, options)
    while not server do moonherd.sleep(0) end
    f(url, server)
    server:close()
    task:wait()
  end)
end

-- The errors that are reported while f runs.
local function reported(f)
  local list, report = {}, errors.report
  function errors.report(err) list[#list + 1] = err end
  local ok, err = pcall(f)
  errors.report = report
  if not ok then error(err, 0) end
  return list
end

local function echo(request)
  local pieces = {}
  for bytes in request:chunks() do pieces[#pieces + 1] = bytes end
  request:respond(200, { ["x-length"] = request.content_length }, pieces)
end

describe("a request", function ()
  it("shows its head", function ()
    with_server(function (request)
      assert.equal(request.headers, request.headers)
      request:respond(200, nil, table.concat({ request.method, request.target,
        request.headers["x-twice"], request.headers.cookie, tostring(request.content_length),
        tostring(request.too_large), tostring(request.nothing), tostring(request) }, "|"))
    end, function (url)
      local answer = http.request { url = url .. "/a%2Fb/c?q=%26&r", method = "DELETE",
        headers = { { "X-Twice", "one" }, { "x-twice", "two" }, { "Cookie", "a=1" },
          { "Cookie", "b=2" } } }
      assert.equal("DELETE|/a%2Fb/c?q=%26&r|one, two|a=1; b=2|nil|nil|nil|"
        .. "request (DELETE /a%2Fb/c?q=%26&r)", answer.body)
    end)
  end)

  it("gives its body in pieces", function ()
    with_server(function (request)
      local first, rest = request:read(3), request:read_all()
      assert.is_nil(request:read())
      assert.equal("", request:read_all())
      request:respond(200, {}, first .. "|" .. rest)
    end, function (url)
      assert.equal("abc|defgh", http.post(url, { body = "abcdefgh" }).body)
    end)
  end)

  it("echoes large bodies, stated and chunked", function ()
    local piece = moonherd.hash.random(100000)
    with_server(echo, function (url)
      local body = piece:rep(50)
      local answer = http.put(url, { body = body })
      assert.is_true(answer.body == body)
      assert.equal(tostring(#body), answer.headers["x-length"])
      local left = 50
      answer = http.put(url, { body = function ()
        left = left - 1
        if left >= 0 then return piece end
      end })
      assert.is_true(answer.body == body)
      assert.is_nil(answer.headers["x-length"])
    end)
  end)

  it("says when it is too large", function ()
    with_server({ body_limit = 1000, header_limit = 4096, handler = function (request)
      local err = failure(request.read, request)
      assert.equal("http", err.kind)
      request:respond(request.too_large == "headers" and 431 or 413, {}, err.reason)
    end }, function (url)
      local answer = http.post(url, { body = ("x"):rep(1001) })
      assert.equal(413, answer.status)
      assert.equal("too_large", answer.body)
      answer = http.get(url, { headers = { ["x-large"] = ("x"):rep(5000) } })
      assert.equal(431, answer.status)
    end)
  end)

  it("is too large when that much has come", function ()
    with_server({ body_limit = 100000, handler = function (request)
      local size, err = 0, nil
      repeat
        local ok, bytes = pcall(request.read, request)
        if ok then size = size + #bytes else err = bytes end
      until err
      assert.is_true(size <= 100000)
      assert.equal("body", request.too_large)
      request:respond(413, {}, err.reason)
    end }, function (url)
      local left = 50
      local answer = http.post(url, { body = function ()
        left = left - 1
        if left >= 0 then return ("x"):rep(10000) end
      end })
      assert.equal(413, answer.status)
      assert.equal("too_large", answer.body)
    end)
  end)
end)

describe("an answer", function ()
  it("has a status, headers and a body", function ()
    local bodies = { "", "text", { "in ", "", "pieces" }, ("long"):rep(100000), {} }
    for i = 1, 500 do bodies[5][i] = ("piece %d "):format(i):rep(200) end
    with_server(function (request)
      local body = bodies[tonumber(request.target:sub(2))]
      request:respond(203, { ["x-number"] = 17, ["set-cookie"] = { "a=1", "b=2" } }, body)
    end, function (url)
      for i, body in ipairs(bodies) do
        local answer = http.get(url .. "/" .. i)
        if type(body) == "table" then body = table.concat(body) end
        assert.equal(203, answer.status)
        assert.equal("17", answer.headers["x-number"])
        assert.equal("a=1, b=2", answer.headers["set-cookie"])
        assert.equal(tostring(#body), answer.headers["content-length"])
        assert.is_true(answer.body == body)
      end
      local head = http.head(url .. "/4")
      assert.equal("400000", head.headers["content-length"])
      assert.equal("", head.body)
    end)
  end)

  it("keeps its strings while it is sent", function ()
    with_server(function (request)
      local list = {}
      for i = 1, 40 do list[i] = ("%08d"):format(i):rep(10000) end
      request:respond(200, {}, list)
      for i = 1, 40 do list[i] = nil end
      collectgarbage()
    end, function (url)
      local body = http.get(url).body
      assert.equal(40 * 80000, #body)
      for i = 1, 40 do
        assert.equal(("%08d"):format(i):rep(10000), body:sub((i - 1) * 80000 + 1, i * 80000))
      end
    end)
  end)

  it("can be written piece by piece", function ()
    local piece = moonherd.hash.random(100000)
    with_server(function (request)
      local length = request.target == "/stated" and 50 * #piece or nil
      request:begin(200, { ["x-kind"] = "stream" }, length)
      for _ = 1, 50 do request:write(piece) end
      request:finish()
    end, function (url)
      for _, target in ipairs { "/stated", "/chunked" } do
        local answer = http.get(url .. target)
        assert.equal("stream", answer.headers["x-kind"])
        assert.is_true(answer.body == piece:rep(50))
      end
    end)
  end)

  it("is given once", function ()
    with_server(function (request)
      request:respond(200, {}, "once")
      assert.equal("request:respond: it has been answered already",
        failure(request.respond, request, 200, {}, "twice").message)
      assert.equal("request:begin: it has been answered already",
        failure(request.begin, request, 200).message)
      assert.equal("request:write: no answer has begun, or it is complete",
        failure(request.write, request, "x").message)
    end, function (url)
      assert.equal("once", http.get(url).body)
    end)
  end)

  it("must be well formed", function ()
    local messages = {
      ["request:respond: bad status (200 to 599 expected)"] = { 100 },
      ["request:respond: bad headers (table expected, got string)"] = { 200, "x" },
      ["request:respond: bad header name (string expected, got number)"] = { 200, { "x" } },
      ["request:respond: bad header name"] = { 200, { ["a b"] = "x" } },
      ["request:respond: bad header 'a' (text of one line expected)"] =
        { 200, { a = "x\r\ny: z" } },
      ["request:respond: bad header 'b' (text of one line expected)"] = { 200, { b = true } },
      ["request:respond: bad body (string or list of strings expected, got boolean)"] =
        { 200, {}, true },
      ["request:respond: bad body (piece 2 is not a string)"] = { 200, {}, { "x", 1 } },
    }
    with_server(function (request)
      for message, arguments in pairs(messages) do
        local err = failure(request.respond, request, table.unpack(arguments, 1, 3))
        assert.equal(message, err.message)
      end
      request:respond(200, {}, "fine")
    end, function (url)
      assert.equal("fine", http.get(url).body)
    end)
  end)
end)

describe("a handler", function ()
  it("runs beside others", function ()
    local waiting, most = 0, 0
    with_server(function (request)
      waiting = waiting + 1
      most = math.max(most, waiting)
      moonherd.sleep "20ms"
      waiting = waiting - 1
      request:respond(200, {}, request.target)
    end, function (url)
      local numbers = {}
      for i = 1, 64 do numbers[i] = i end
      local answers = moonherd.map(numbers, { concurrency = 16 }, function (i)
        return http.get(url .. "/" .. i).body
      end)
      for i = 1, 64 do assert.equal("/" .. i, answers[i]) end
    end)
    assert.is_true(most > 4)
  end)

  it("that fails is reported and gives a 500", function ()
    local list = reported(function ()
      with_server(function (request)
        if request.target == "/bad" then error "on purpose" end
        request:respond(200, {}, "fine")
      end, function (url)
        local answer = http.get(url .. "/bad")
        assert.equal(500, answer.status)
        assert.equal("", answer.body)
        assert.equal("fine", http.get(url).body)
      end)
    end)
    assert.equal(1, #list)
    assert.matches("on purpose", list[1].message)
    assert.matches("serve_spec", list[1].trace)
  end)

  it("that does not answer gives a 500", function ()
    with_server(function () end, function (url)
      assert.equal(500, http.get(url).status)
    end)
  end)

  it("that fails in mid-answer cuts the client off", function ()
    local list = reported(function ()
      with_server(function (request)
        request:begin(200)
        request:write "half"
        error "on purpose"
      end, function (url)
        assert.equal("http", failure(http.get, url).kind)
      end)
    end)
    assert.equal(1, #list)
  end)

  it("can have its client see a reset", function ()
    with_server(function (request)
      if request.target == "/middle" then
        request:begin(200, {}, 100)
        request:write("half")
      end
      request:reset()
    end, function (url)
      for _, path in ipairs { "/start", "/middle" } do
        local err = failure(http.post, url .. path, { body = ("x"):rep(100000) })
        assert.equal("connection_reset", err.reason)
      end
    end)
  end)

  it("is cancelled when its client goes away", function ()
    local state = "never ran"
    local list = reported(function ()
      with_server(function ()
        local _ <close> = setmetatable({}, { __close = function ()
          moonherd.sleep(0)
          state = "cleaned up"
        end })
        state = "waits"
        moonherd.sleep "1h"
      end, function (url)
        assert.equal("timeout", failure(http.get, url, { timeout = "100ms" }).kind)
        while state ~= "cleaned up" do moonherd.sleep "1ms" end
      end)
    end)
    assert.same({}, list)
  end)

  it("learns from reading and writing that its client has gone", function ()
    local seen = {}
    local server <close> = serve.listen()
    local url = "http://127.0.0.1:" .. server.port
    moonherd.scope(function ()
      moonherd.spawn(function ()
        local request <close> = server:accept()
        repeat
          local ok, err = pcall(request.read, request)
        until not ok and table.insert(seen, err.reason) == nil
        seen[2] = failure(request.respond, request, 200).reason
      end)
      local ok = pcall(http.post, url, { timeout = "100ms", body = function ()
        moonherd.sleep "30ms"
        return "x"
      end })
      assert.is_false(ok)
    end)
    assert.same({ "client_gone", "client_gone" }, seen)
  end)
end)

describe("headers that run code", function ()
  -- A list of one header, whose length is asked for before the answer goes out.
  local function list_that_runs(f)
    return { ["set-cookie"] = setmetatable({}, { __len = function () f() return 0 end }) }
  end

  for _, verb in ipairs { "respond", "begin" } do
    it("may close the request: " .. verb, function ()
      local err
      with_server(function (request)
        err = failure(request[verb], request, 200, list_that_runs(function () request:close() end))
      end, function (url) http.get(url) end)
      assert.equal("request:" .. verb .. ": the request is closed", err.message)
    end)
  end

  it("may change the body: what it is behind them is sent", function ()
    with_server(function (request)
      local body = { ("a"):rep(100) }
      request:respond(200, list_that_runs(function ()
        body[1] = ("b"):rep(100)
        collectgarbage()
      end), body)
    end, function (url) assert.equal(("b"):rep(100), http.get(url).body) end)
  end)
end)

describe("a server", function ()
  it("names what is wrong with its options", function ()
    assert.equal("serve.listen: unknown option 'prot' (did you mean 'port'?)",
      failure(serve.listen, { prot = 1 }).message)
    assert.equal("moonherd.serve: unknown option 'unixx' (did you mean 'unix'?)",
      failure(serve.run, { unixx = "x", handler = print }).message)
    assert.equal("moonherd.serve: bad option 'handler' (function expected, got nil)",
      failure(serve.run, {}).message)
    assert.equal("moonherd.serve: bad options (table expected, got nil)",
      failure(serve.run).message)
    local err = failure(serve.listen, { host = "nowhere.invalid" })
    assert.equal("bad_address", err.reason)
    assert.equal("cannot listen on nowhere.invalid port 0: an IPv4 or IPv6 address, or localhost, "
      .. "is expected", err.message)
    assert.equal("moonherd.serve: bad option 'port' (0 to 65535 expected, got 65536)",
      failure(serve.run, { port = 65536, handler = print }).message)
    local server <close> = serve.listen()
    assert.equal("address_in_use", failure(serve.listen, { port = server.port }).reason)
  end)

  it("listens on a unix socket for its owner alone", function ()
    local path = os.tmpname()
    fs.remove(path)
    with_server({ unix = path, handler = function (request)
      request:respond(200, {}, "private")
    end }, function (_, server)
      assert.equal(0, server.port)
      assert.equal(384, fs.stat(path).mode)
      assert.equal("private", http.get("http://any/", { unix_socket = path }).body)
    end)
    assert.is_false(fs.exists(path))
  end)

  it("lets requests end when it closes", function ()
    local server = serve.listen()
    local url = "http://127.0.0.1:" .. server.port
    local body
    moonherd.scope(function ()
      moonherd.spawn(function () body = http.get(url).body end)
      local request = server:accept()
      moonherd.spawn(function () server:close() end)
      moonherd.sleep "20ms"
      assert.is_nil(server:accept())
      request:respond(200, {}, "the last")
    end)
    assert.equal("the last", body)
    assert.equal("http", failure(http.get, url).kind)
    server:close()
    server:abort()
  end)

  it("wakes who waits when it closes", function ()
    local server = serve.listen()
    moonherd.scope(function ()
      moonherd.spawn(function () assert.is_nil(server:accept()) end)
      moonherd.sleep(0)
      assert.equal("server:accept: another task waits for a request",
        failure(server.accept, server).message)
      server:close()
    end)
  end)

  it("aborts", function ()
    local server = serve.listen()
    local url = "http://127.0.0.1:" .. server.port
    moonherd.scope(function ()
      local client = moonherd.spawn(pcall, http.get, url)
      local request = server:accept()
      server:abort()
      assert.equal("client_gone", failure(request.respond, request, 200).reason)
      local ok, err = client:wait()
      assert.is_false(ok)
      assert.equal("http", err.kind)
    end)
  end)

  it("ends with the task that runs it", function ()
    local port
    local task = moonherd.spawn(serve.run, { handler = print,
      on_listen = function (server) port = server.port end })
    while not port do moonherd.sleep(0) end
    task:cancel()
    assert.equal("cancelled", failure(task.wait, task).kind)
    local server <close> = serve.listen { port = port }
    assert.equal(port, server.port)
  end)

  it("answers what on_listen asks it", function ()
    local body
    serve.run {
      handler = function (request) request:respond(200, {}, "hello") end,
      on_listen = setmetatable({}, { __call = function (_, server)
        body = http.get("http://127.0.0.1:" .. server.port).body
        server:close()
      end }),
    }
    assert.equal("hello", body)
  end)

  it("fails with its on_listen", function ()
    assert.matches("no browser", failure(serve.run, {
      handler = print, on_listen = function () error "no browser" end,
    }).message)
  end)

  it("lets handlers answer first, when it is to drain", function ()
    local port, is_asked, is_free
    local serving = moonherd.spawn(serve.run, {
      drain = true,
      on_listen = function (server) port = server.port end,
      handler = function (request)
        is_asked = true
        while not is_free do moonherd.sleep(0) end
        request:respond(200, {}, "answered")
      end,
    })
    while not port do moonherd.sleep(0) end
    local url = "http://127.0.0.1:" .. port
    local client = moonherd.spawn(function () return http.get(url).body end)
    while not is_asked do moonherd.sleep(0) end
    serving:cancel()
    local refused
    repeat
      moonherd.sleep(0)
      refused = select(2, moonherd.try(http.get, url))
    until refused
    assert.equal("connect_failed", refused.reason)
    is_free = true
    assert.equal("answered", client:wait())
    assert.equal("cancelled", failure(serving.wait, serving).kind)
  end)

  it("answers for requests that are forgotten", function ()
    local server <close> = serve.listen()
    local url = "http://127.0.0.1:" .. server.port
    moonherd.scope(function ()
      local status
      moonherd.spawn(function () status = http.get(url).status end)
      server:accept()
      while not status do
        collectgarbage()
        moonherd.sleep "1ms"
      end
      assert.equal(500, status)
    end)
  end)
end)
