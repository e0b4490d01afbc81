local url = require "moonherd.cloudflare.url"

describe("percent-encoding", function ()
  it("leaves letters, digits and -._~ alone", function ()
    assert.are.equal("aZ09-._~", url.encode "aZ09-._~")
  end)

  it("encodes everything else, byte by byte", function ()
    assert.are.equal("a%2Fb%20c", url.encode "a/b c")
    assert.are.equal("%25%3F%23%26%2B%3D%3A%40", url.encode "%?#&+=:@")
    assert.are.equal("%C3%A4%00%FF", url.encode "ä\0\xff")
  end)

  it("encodes what is encoded already: once is the caller's business", function ()
    assert.are.equal("%252F", url.encode "%2F")
  end)
end)

describe("a query", function ()
  it("is empty without values", function ()
    assert.are.equal("", url.query(nil))
    assert.are.equal("", url.query {})
  end)

  it("has its names in order and its values encoded", function ()
    assert.are.equal("?a=1&b=true&c=x%20y", url.query { c = "x y", a = 1, b = true })
  end)

  it("repeats the name of a list", function ()
    assert.are.equal("?t=1&t=2", url.query { t = { 1, 2 } })
  end)
end)

describe("a base URL", function ()
  local function base(text)
    local parsed, why = url.parse_base(text)
    return parsed and parsed.base or why
  end

  it("loses the slashes at its end", function ()
    assert.are.equal("https://x.test/client/v4", base "https://x.test/client/v4//")
    assert.are.equal("https://x.test", base "https://x.test/")
  end)

  it("knows its scheme and host", function ()
    local parsed = url.parse_base "HTTP://LocalHost:8787/x"
    assert.are.same({ "http", "localhost", "HTTP://LocalHost:8787/x" },
      { parsed.scheme, parsed.host, parsed.base })
    assert.are.equal("[::1]", url.parse_base("http://[::1]:8787").host)
  end)

  it("is refused when it is none", function ()
    assert.are.equal("an http or https URL is expected", base "ftp://x.test")
    assert.are.equal("an http or https URL is expected", base "x.test")
    assert.are.equal("the host is missing", base "http:///x")
    assert.are.equal("the host is missing", base "http://x:y/")
    assert.are.equal("a base URL has no query and no fragment", base "http://x.test/?a=1")
    assert.are.equal("a URL with a user name or password is not taken", base "http://u:p@x.test")
    assert.are.equal("a URL has no spaces or control characters", base "http://x.test/\r\nx: y")
  end)

  it("is loopback only when it cannot be anything else", function ()
    for _, host in ipairs { "localhost", "127.0.0.1", "127.9.9.9", "[::1]" } do
      assert.is_true(url.is_loopback(host), host)
    end
    for _, host in ipairs { "127.0.0.1.evil.test", "localhost.evil.test", "10.0.0.1", "0.0.0.0",
      "[::2]", "1127.0.0.1" } do
      assert.is_false(url.is_loopback(host), host)
    end
  end)
end)
