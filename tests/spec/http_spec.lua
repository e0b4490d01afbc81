-- The HTTP client as scripts see it: arguments, failures, and against our own server everything
-- that crosses Lua. What happens on the wire is tested in tests/c/test_http*.c.
local moonherd = require "moonherd"
local http = require "moonherd.http"
local serve = require "moonherd.serve"

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_table(err)
  return err
end

local function usage(f, ...)
  local err = failure(f, ...)
  assert.equal("usage", err.kind)
  return err.message
end

describe("http arguments", function ()
  local url = "http://127.0.0.1:1/"

  it("need a URL", function ()
    assert.equal("http.get: bad url (string expected, got nothing)", usage(http.get))
    assert.equal("http.request: option 'url' is missing", usage(http.request, {}))
    assert.equal("http.request: bad argument (table expected, got nil)", usage(http.request))
    assert.equal("http.put: option 'url' is given already", usage(http.put, url, { url = url }))
  end)

  it("name the nearest option", function ()
    assert.equal("http.get: unknown option 'tiemout' (did you mean 'timeout'?)",
      usage(http.get, url, { tiemout = 1 }))
  end)

  it("have types", function ()
    assert.equal("http.get: bad option 'timeout' (number or duration expected, got boolean)",
      usage(http.get, url, { timeout = true }))
    assert.equal("http.post: bad option 'body' (string, list of strings or function expected, "
      .. "got number)", usage(http.post, url, { body = 1 }))
    assert.equal("http.post: bad option 'body' (strings expected, got table at 2)",
      usage(http.post, url, { body = { "a", {} } }))
    assert.equal("http.get: bad option 'headers' (table expected, got string)",
      usage(http.get, url, { headers = "x: y" }))
    assert.equal("http.get: bad option 'headers' (names and values are strings, "
      .. "got string = boolean)", usage(http.get, url, { headers = { x = true } }))
  end)

  it("cannot smuggle", function ()
    assert.match("header 'x' cannot be sent",
      usage(http.get, url, { headers = { x = "a\r\nb: c" } }))
    assert.match("header 'Content%-Length' cannot be sent",
      usage(http.get, url, { headers = { ["Content-Length"] = 3 } }))
    assert.match("bad option 'url'", usage(http.get, "http://127.0.0.1:1/\r\nx: y"))
    assert.match("bad option 'method'", usage(http.request, { url = url, method = "GET /x" }))
    assert.match("bad option 'method'", usage(http.request, { url = url, method = "CONNECT" }))
  end)

  it("must fit each other", function ()
    assert.match("'content_length' is 3, but the body has 2 bytes",
      usage(http.post, url, { body = "ab", content_length = 3 }))
    assert.match("a HEAD request has none", usage(http.head, url, { body = "x" }))
    assert.match("'json' and 'body' exclude each other",
      usage(http.post, url, { body = "x", json = {} }))
    assert.match("a table with names goes into the option 'json'",
      usage(http.post, url, { body = { a = 1 } }))
    assert.match("header 'x' has no value", usage(http.get, url, { headers = { x = {} } }))
    assert.match("bad option 'headers' %(table expected, got string%)",
      usage(http.post, url, { headers = "x: y", json = {} }))
  end)

  it("are refused where waiting is impossible", function ()
    local err = failure(table.sort, { 1, 2, 3 }, function () return http.get(url) end)
    assert.equal("cannot_wait", err.reason)
  end)
end)

describe("http failures", function ()
  it("say what happened, and hide what may be secret", function ()
    local err = failure(http.post, "http://user:password@127.0.0.1:1/path?token=x", { body = "b" })
    assert.equal("http", err.kind)
    assert.equal("connect_failed", err.reason)
    assert.match("^POST http://127.0.0.1:1/path: ", err.message)
    assert.is_false(err.sent)
    assert.is_true(err.retryable)
  end)

  it("have a reason for each URL that is none", function ()
    for _, url in ipairs { "ftp://127.0.0.1/", "http://", "no url", "127.0.0.1:1", "localhost/" } do
      local err = failure(http.get, url)
      assert.equal("bad_url", err.reason)
      assert.is_false(err.retryable)
    end
  end)

  it("have one for a URL that is longer than libcurl takes, and the next request works", function ()
    local err = failure(http.get, "http://127.0.0.1:1/" .. ("x"):rep(9000000))
    assert.equal("bad_url", err.reason)
    assert.equal("connect_failed", failure(http.get, "http://127.0.0.1:1/").reason)
  end)

  it("are values for moonherd.try", function ()
    local response, err = moonherd.try(http.get, "http://127.0.0.1:1/")
    assert.is_nil(response)
    assert.equal("connect_failed", err.reason)
  end)
end)

-- ---- against our own server --------------------------------------------------------------------

describe("http", function ()
  local base, accepted

  -- Answers each request by the function that stands under its path.
  local routes = {}

  local function handle(request)
    accepted = accepted + 1
    moonherd.try(routes[request.target:match "^/[^/?]*"], request) -- the client may go away
  end

  local function accept(server)
    for request in function () return server:accept() end do moonherd.spawn(handle, request) end
  end

  -- A test with a server beside it; nothing of the server outlives it.
  local function with_server(options, test)
    local server = serve.listen(options)
    local task = moonherd.spawn(accept, server)
    accepted, base = 0, ("http://127.0.0.1:%d"):format(server.port or 0)
    local _ <close> = setmetatable({}, { __close = function ()
      server:close()
      task:cancel()
      pcall(task.wait, task)
    end })
    test()
  end

  local function it_serves(what, test)
    it(what, function () with_server({ host = "127.0.0.1", port = 0 }, test) end)
  end

  local function body_of(request)
    local pieces = {}
    for piece in function () return request:read() end do pieces[#pieces + 1] = piece end
    return table.concat(pieces)
  end

  routes["/echo"] = function (request)
    local lines = { request.method .. " " .. request.target }
    for _, name in ipairs { "x-one", "content-type", "content-length", "transfer-encoding" } do
      if request.headers[name] then lines[#lines + 1] = name .. ": " .. request.headers[name] end
    end
    local body = table.concat(lines, "\n") .. "\n\n" .. body_of(request)
    request:respond(200, { ["x-two"] = "2" }, body)
  end

  routes["/hang"] = function (request)
    request:tie()
    moonherd.sleep(20)
  end

  routes["/stream"] = function (request)
    request:begin(200, { ["content-type"] = "text/plain" })
    for i = 1, 200 do request:write(("%05d"):format(i):rep(2000)) end
    request:finish()
  end

  it_serves("gets", function ()
    local response = http.get(base .. "/echo/a%2Fb?c=d", { headers = { ["X-One"] = 1 } })
    assert.equal(200, response.status)
    assert.equal("2", response.headers["x-two"])
    assert.equal("GET /echo/a%2Fb?c=d\nx-one: 1\n\n", response.body)
  end)

  it_serves("sends several headers of a name", function ()
    local function sent(headers) return http.get(base .. "/echo", { headers = headers }).body end
    assert.equal("GET /echo\nx-one: a, b\n\n", sent { ["x-one"] = { "a", "b" } })
    assert.equal("GET /echo\nx-one: a, b\n\n", sent { { "x-one", "a" }, { "x-one", "b" } })
    assert.equal("POST /echo\ncontent-type: text/x\ncontent-length: 2\n\n{}",
      http.post(base .. "/echo", { json = {}, headers = { { "Content-Type", "text/x" } } }).body)
  end)

  it_serves("takes secrets as URL, header and body", function ()
    local key = moonherd.secret "hunter2-hunter2"
    for _, headers in ipairs { { ["x-one"] = "Bearer " .. key }, { { "x-one", "Bearer " .. key } },
      { ["x-one"] = { "Bearer " .. key } } } do
      local response = http.request {
        method = "PUT", url = moonherd.secret(base .. "/echo"), headers = headers, body = key,
      }
      assert.equal("PUT /echo\nx-one: Bearer hunter2-hunter2\ncontent-length: 15\n\n"
        .. "hunter2-hunter2", response.body)
    end
    assert.equal("bad_value", failure(http.post, base .. "/echo", { json = { key } }).reason)
    local hook = moonherd.secret "http://me:word@127.0.0.1:1/hooks/hunter2-hook?key=hunter3"
    local shown = require "moonherd._log".mask(tostring(failure(http.get, hook)))
    assert.not_match("hunter", shown)
  end)

  it_serves("ends well with URLs that are none", function ()
    assert.equal("bad_url", failure(http.get, "nowhere/").reason)
    assert.equal("GET /echo\n\n", http.get(base .. "/echo").body)
  end)

  it_serves("gives plain data", function ()
    local response = http.get(base .. "/echo")
    local fields = {}
    for name, value in pairs(response) do fields[name] = type(value) end
    assert.same({ status = "number", headers = "table", header_list = "table", body = "string" },
      fields)
    local listed
    for _, pair in ipairs(response.header_list) do
      if pair[1] == "x-two" then listed = pair[2] end
    end
    assert.equal("2", listed)
  end)

  it_serves("has a function for each method", function ()
    for _, name in ipairs { "get", "post", "put", "patch", "delete" } do
      local method = name:upper()
      assert.equal(method .. " /echo", http[name](base .. "/echo").body:match "^[^\n]*")
    end
    assert.equal("", http.head(base .. "/echo").body)
  end)

  it_serves("sends strings, lists and functions", function ()
    local function sent(options)
      return http.put(base .. "/echo", options).body:match "^[^\n]*\n(.*)$"
    end
    assert.equal("content-length: 3\n\nabc", sent { body = "abc" })
    assert.equal("content-length: 6\n\nabcdef", sent { body = { "abc", "", "def" } })
    assert.equal("content-length: 0\n\n", sent {})
    local function counter(n)
      local i = 0
      return function ()
        i = i + 1
        if i <= n then
          moonherd.sleep(0.001)
          return tostring(i)
        end
      end
    end
    assert.equal("transfer-encoding: chunked\n\n123", sent { body = counter(3) })
    assert.equal("content-length: 3\n\n123", sent { body = counter(3), content_length = 3 })
    assert.match("more than content_length",
      usage(sent, { body = counter(3), content_length = 2 }))
    local ok, err = pcall(sent, { body = function () error("no more", 0) end })
    assert.is_false(ok)
    assert.equal("no more", err)
  end)

  it("keeps to the length it has announced", function ()
    with_server({ port = 0, stall_timeout = "100ms" }, function ()
      local pieces = { "1", "2", "3" }
      local function body() return table.remove(pieces, 1) end
      assert.match("less than content_length",
        usage(http.put, base .. "/echo", { body = body, content_length = 4 }))
    end)
  end)

  it_serves("sends JSON", function ()
    local options = { json = { a = { 1, 2 } } }
    assert.equal('POST /echo\ncontent-type: application/json\ncontent-length: 11\n\n{"a":[1,2]}',
      http.post(base .. "/echo", options).body)
    assert.same({ json = { a = { 1, 2 } } }, options)
    options.headers = { ["Content-Type"] = "application/x" }
    assert.match("content%-type: application/x\n", http.post(base .. "/echo", options).body)
  end)

  it_serves("keeps the body while the caller changes his options", function ()
    local options = { method = "POST", url = base .. "/echo", body = { ("x"):rep(3e5), "y" } }
    local task = moonherd.spawn(http.request, options)
    moonherd.sleep(0)
    options.body[1], options.body[2], options.url = "z", nil, nil
    collectgarbage()
    collectgarbage()
    assert.equal(300001, #task:wait().body:match "\n\n(.*)$")
  end)

  it_serves("streams an answer", function ()
    local response <close> = http.get(base .. "/stream", { stream = true })
    assert.equal("text/plain", response.headers["content-type"])
    assert.is_nil(rawget(response, "body"))
    local total = 0
    for piece in function () return response:read(7000) end do
      assert.is_true(#piece <= 7000)
      total = total + #piece
    end
    assert.equal(200 * 10000, total)
    assert.is_nil(response:read())
    response:close()
    response:close()
    assert.equal("response:read: closed response", usage(response.read, response))
  end)

  it_serves("closes a stream that is not read", function ()
    do
      local response <close> = http.get(base .. "/stream", { stream = true })
      assert.is_string(response:read(10))
    end
    assert.equal(200, http.get(base .. "/echo").status)
  end)

  it_serves("limits the answer", function ()
    local err = failure(http.get, base .. "/stream", { max_body = 1000 })
    assert.equal("too_large", err.reason)
    assert.is_false(err.retryable)
  end)

  it_serves("times out", function ()
    local err = failure(http.post, base .. "/hang", { timeout = "30ms" })
    assert.equal("timeout", err.kind)
    assert.equal("timeout_total", err.reason)
    assert.is_true(err.sent)
    assert.is_false(err.retryable)
    assert.match("not done after 0.03 s, while waiting for the answer %(limit: timeout%)",
      err.message)
    assert.is_true(failure(http.get, base .. "/hang", { timeout = 0.01 }).retryable)
  end)

  it_serves("is cancelled with its task", function ()
    local task = moonherd.spawn(http.get, base .. "/hang")
    moonherd.sleep(0.01)
    task:cancel()
    assert.equal("cancelled", failure(task.wait, task).kind)
    assert.equal("timeout", failure(moonherd.timeout, 0.01, http.get, base .. "/hang").kind)
  end)

  it_serves("closes what a cancelled task was streaming", function ()
    local kept
    local task = moonherd.spawn(function ()
      kept = http.get(base .. "/stream", { stream = true })
      moonherd.sleep(20)
    end)
    while not kept do moonherd.sleep(0.001) end
    task:cancel()
    pcall(task.wait, task)
    kept:close()
  end)

  it_serves("runs many at once on few connections", function ()
    local list = {}
    for i = 1, 300 do list[i] = i end
    local bodies = moonherd.map(list, { concurrency = 300 }, function (i)
      return http.get(base .. "/echo/" .. i).body
    end)
    for i = 1, 300 do assert.equal("GET /echo/" .. i .. "\n\n", bodies[i]) end
    assert.equal(300, accepted)
  end)

  it("speaks over unix sockets", function ()
    local path = os.tmpname()
    os.remove(path)
    with_server({ unix = path }, function ()
      assert.equal("GET /echo\n\n", http.get("http://any/echo", { unix_socket = path }).body)
    end)
    assert.equal("connect_failed",
      failure(http.get, "http://any/echo", { unix_socket = path }).reason)
  end)
end)
