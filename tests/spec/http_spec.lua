-- The HTTP client as scripts see it: arguments, failures, and against our own server everything
-- that crosses Lua. What happens on the wire is tested in tests/c/test_http*.c.
local moonherd = require "moonherd"
local http = require "moonherd.http"

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
  end)

  it("must fit each other", function ()
    assert.match("'content_length' is 3, but the body has 2 bytes",
      usage(http.post, url, { body = "ab", content_length = 3 }))
    assert.match("a HEAD request has none", usage(http.head, url, { body = "x" }))
    assert.match("'json' and 'body' exclude each other",
      usage(http.post, url, { body = "x", json = {} }))
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
    for _, url in ipairs { "ftp://127.0.0.1/", "http://", "no url" } do
      local err = failure(http.get, url)
      assert.equal("bad_url", err.reason)
      assert.is_false(err.retryable)
    end
  end)

  it("are values for moonherd.try", function ()
    local response, err = moonherd.try(http.get, "http://127.0.0.1:1/")
    assert.is_nil(response)
    assert.equal("connect_failed", err.reason)
  end)
end)
