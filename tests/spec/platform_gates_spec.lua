-- What every request passes before its handler: credential, account, route; and the envelope.

local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local NAMESPACES, ACCOUNT = support.NAMESPACES, support.ACCOUNT
local ok, refused = support.ok, support.refused

describe("the platform", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)

  local function get(path, headers)
    return server:request("GET", path, { headers = headers })
  end

  describe("asks who calls", function ()
    local function with(headers)
      headers.authorization = headers.authorization or false
      return get(NAMESPACES, headers)
    end

    it("and takes a bearer token", function ()
      ok(with { authorization = "Bearer " .. support.TOKEN })
      ok(with { authorization = "bearer " .. support.TOKEN })
    end)

    it("or a key that goes with an email address", function ()
      ok(with { ["x-auth-email"] = "me@example.com", ["x-auth-key"] = support.TOKEN })
    end)

    it("or a service key", function ()
      ok(with { ["x-auth-user-service-key"] = support.TOKEN })
    end)

    it("and answers 9106 when the credential is absent or malformed", function ()
      for _, headers in ipairs {
        {}, { authorization = "Bearer" }, { authorization = "Basic " .. support.TOKEN },
        { authorization = support.TOKEN }, { ["x-auth-email"] = "me@example.com" },
        { ["x-auth-key"] = support.TOKEN }, { ["x-auth-user-service-key"] = "" },
      } do
        local errors = refused(with(headers), 400, 9106)
        assert.equal("Authentication failed (status: 400)", errors[1].message)
      end
    end)

    it("and answers 10000 when it is wrong", function ()
      refused(with { authorization = "Bearer wrong" }, 401, 10000)
      refused(with { authorization = "Bearer " .. support.TOKEN .. "x" }, 401, 10000)
      refused(with { ["x-auth-email"] = "me@example.com", ["x-auth-key"] = "wrong" }, 401, 10000)
      refused(with { ["x-auth-user-service-key"] = "wrong" }, 401, 10000)
    end)

    it("before anything else", function ()
      refused(get("/client/v4/nowhere", { authorization = false }), 400, 9106)
      refused(get("/client/v4/accounts/bad/nowhere", { authorization = "Bearer x" }), 401, 10000)
    end)
  end)

  describe("looks at the account", function ()
    it("which is any of 32 hex digits", function ()
      local other = "/client/v4/accounts/" .. ("f"):rep(32) .. "/workers/dispatch/namespaces"
      assert.equal(0, #ok(get(other)))
      assert.equal(1, #ok(get(NAMESPACES)))
    end)

    it("and does not route a malformed one", function ()
      for _, account in ipairs { "abc", ACCOUNT .. "0", ("g"):rep(32), "%00" } do
        local errors = refused(get("/client/v4/accounts/" .. account
          .. "/workers/dispatch/namespaces"),
          404, 7003)
        assert.equal(7000, errors[2].code)
      end
    end)
  end)

  describe("routes", function ()
    it("below the prefix and at the root", function ()
      ok(get((NAMESPACES:gsub("^/client/v4", ""))))
    end)

    it("nowhere else", function ()
      for _, path in ipairs {
        "/", "/client/v4", "/client/v4/zones", NAMESPACES .. "/", NAMESPACES .. "/prod/",
        NAMESPACES .. "/prod/scripts/a/", NAMESPACES .. "/prod/scripts/a/nothing",
        NAMESPACES .. "/a%2Fb/c", "/client/v4//accounts/" .. ACCOUNT,
      } do
        local errors = refused(get(path), 404, 7003)
        assert.equal("Could not route to " .. path
          .. ", perhaps your object identifier is invalid?", errors[1].message)
        assert.equal("No route for that URI", errors[2].message)
      end
    end)

    it("known paths by method, and says which there are", function ()
      local response = server:request("PATCH", NAMESPACES)
      refused(response, 405, 10405)
      assert.equal("GET, POST", response.headers.allow)
    end)

    it("names that a path cannot carry into the error of their kind", function ()
      for _, name in ipairs { "%2E%2E", "a%00b", "a%2Fb", "%FF", "%C0%AF", ("x"):rep(256),
        "a%0Ab" } do
        refused(server:api("GET", "/" .. name), 400, 10021)
        refused(server:api("GET", "/" .. name .. "/scripts/a"), 400, 10021)
        refused(server:api("GET", "/prod/scripts/" .. name), 400, 10016)
        refused(server:api("PUT", "/prod/scripts/" .. name), 400, 10016)
        refused(server:api("GET", "/prod/scripts/" .. name .. "/content"), 400, 10016)
        refused(server:api("GET", "/missing/scripts/" .. name), 404, 100119)
      end
      refused(server:api("GET", "/" .. ("x"):rep(10000)), 400, 10021)
    end)

    it("requests of clients that look for an ordinary Worker to 10007", function ()
      local worker = "/client/v4/accounts/" .. ACCOUNT .. "/workers/scripts/a"
      refused(get(worker .. "/secrets"), 404, 10007)
      refused(get(worker .. "/settings"), 404, 10007)
      refused(server:request("PATCH", worker .. "/script-settings", { json = { tags = {} } }),
        404, 10007)
    end)

    it("the check of a token", function ()
      local result = ok(get "/client/v4/user/tokens/verify")
      assert.equal("active", result.status)
      assert.truthy(result.id:find "^%x+$")
      ok(get("/client/v4/accounts/" .. ACCOUNT .. "/tokens/verify"))
    end)
  end)

  describe("answers", function ()
    it("in the exact envelope", function ()
      local response = get(NAMESPACES .. "/prod")
      assert.equal("application/json", response.headers["content-type"])
      local keys = {}
      for key in pairs(response.json) do keys[#keys + 1] = key end
      table.sort(keys)
      assert.same({ "errors", "messages", "result", "success" }, keys)
      assert.is_true(json.is_array(response.json.errors))
      assert.is_true(json.is_array(response.json.messages))
    end)

    it("with the allowance and a ray of its own", function ()
      local first, second = get(NAMESPACES), get "/client/v4/nowhere"
      for _, response in ipairs { first, second } do
        assert.equal('"default";r=1200;t=300', response.headers.ratelimit)
        assert.equal('"default";q=1200;w=300', response.headers["ratelimit-policy"])
        assert.truthy(response.headers["cf-ray"]:find "^%x+%-%u+$")
      end
      assert.are_not.equal(first.headers["cf-ray"], second.headers["cf-ray"])
    end)

    it("to any Accept, and to a JSON type without a body", function ()
      ok(get(NAMESPACES, { accept = "string", ["content-type"] = "application/json" }))
    end)

    it("with a path that is not text", function ()
      local errors = refused(get "/client/v4/%FF%00", 404, 7003)
      assert.truthy(errors[1].message:find("/client/v4/%FF%00", 1, true))
    end)
  end)

  describe("takes the gates in order:", function ()
    it("namespace, script, body, rules", function ()
      local broken = { headers = { ["content-type"] = "multipart/form-data; boundary=b" },
        body = "x" }
      refused(server:api("PUT", "/missing/scripts/a", broken), 404, 100119)
      refused(server:api("PUT", "/missing/scripts/a/content", broken), 404, 100119)
      refused(server:api("PUT", "/prod/scripts/missing/content", broken), 404, 10007)
      refused(server:api("PUT", "/prod/scripts/a", broken), 400, 10026)
      refused(server:api("GET", "/missing/scripts?limit=0"), 404, 100119)
    end)
  end)

  describe("refuses bodies", function ()
    local function create(body, headers)
      headers = headers or {}
      headers["content-type"] = headers["content-type"] or "application/json"
      return server:api("POST", "", { body = body, headers = headers })
    end

    it("that are not JSON", function ()
      for _, body in ipairs { "", "{", "{'name':'x'}", '{"name":"x"}}', "\xFF" } do
        refused(create(body), 400, 10026)
      end
    end)

    it("that are packed", function ()
      refused(create('{"name":"x"}', { ["content-encoding"] = "gzip" }), 415, 10001)
      refused(server:api("PUT", "/prod/scripts/a",
        { body = "x", headers = { ["content-encoding"] = "br",
          ["content-type"] = "text/javascript" } }),
        415, 10001)
    end)

    it("that are too large, by what the header says and by what arrives", function ()
      local large = '{"name":"' .. ("x"):rep(1024 * 1024) .. '"}'
      refused(create(large), 413, 10027)
      local sent = 0
      local response = server:api("POST", "", {
        body = function ()
          sent = sent + 1
          if sent <= 40 then return ("x"):rep(64 * 1024) end
        end,
        headers = { ["content-type"] = "application/json" },
      })
      refused(response, 413, 10027)
    end)

    it("that are cut off, and writes nothing", function ()
      local body = '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
        .. '{"main_module":"a.js"}\r\n--b\r\nContent-Disposition: form-data; name="a.js"\r\n\r\n'
        .. ("x"):rep(300 * 1024)
      local sent = false
      local is_done = pcall(server.api, server, "PUT", "/prod/scripts/cut", {
        body = function ()
          if sent then error "gone" end
          sent = true
          return body
        end,
        headers = { ["content-type"] = "multipart/form-data; boundary=b" },
      })
      assert.is_false(is_done)
      refused(server:api("GET", "/prod/scripts/cut"), 404, 10092)
    end)

    it("of the wrong type", function ()
      for _, content_type in ipairs { "application/json", "text/plain",
        "application/javascript+module" } do
        refused(server:api("PUT", "/prod/scripts/a", { body = "{}",
          headers = { ["content-type"] = content_type } }), 415, 10001)
      end
      refused(server:api("PUT", "/prod/scripts/a", { body = "{}" }), 415, 10001)
    end)

    it("that are broken forms", function ()
      for _, body in ipairs {
        "", "--b--", "--b\r\n\r\nx\r\n--b--\r\n",
        '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}',
        '--c\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n--c--\r\n',
      } do
        local headers = { ["content-type"] = "multipart/form-data; boundary=b" }
        local response = server:api("PUT", "/prod/scripts/a", { body = body, headers = headers })
        assert.equal(400, response.status, body)
      end
      refused(server:api("PUT", "/prod/scripts/a", { body = "x",
        headers = { ["content-type"] = "multipart/form-data" } }), 400, 10026)
    end)
  end)

  it("refuses headers over their limit", function ()
    refused(get(NAMESPACES, { ["x-large"] = ("x"):rep(36 * 1024) }), 431, 10021)
  end)

  it("answers many at once", function ()
    moonherd.map({ 1, 2, 3, 4, 5, 6, 7, 8 }, { concurrency = 8 }, function ()
      for _ = 1, 10 do ok(get(NAMESPACES .. "/prod")) end
    end)
  end)
end)

describe("a platform with one account", function ()
  it("knows no other", function ()
    local server = support.start { account = support.ACCOUNT:upper() }
    ok(server:request("GET", NAMESPACES))
    refused(server:request("GET", "/client/v4/accounts/" .. ("f"):rep(32)
      .. "/workers/dispatch/namespaces"),
      403, 10000)
    server:close()
  end)
end)

describe("a platform with host names", function ()
  it("answers to them and to those of the loopback interface alone", function ()
    local server = support.start { hosts = { "Deploy.Example" } }
    for _, host in ipairs {
      "localhost", "127.0.0.1:8787", "[::1]:8787", "deploy.example", "DEPLOY.example:80",
    } do
      ok(server:request("GET", NAMESPACES, { headers = { host = host } }))
    end
    for _, host in ipairs { "evil.example", "localhost.evil.example",
      "127.0.0.1.evil.example:80" } do
      refused(server:request("GET", NAMESPACES, { headers = { host = host } }), 403, 10000)
    end
    server:close()
  end)

  -- Once it took the square of its length to refuse it: seconds for one request, before any
  -- credential was looked at.
  it("and refuses a long one as fast as it comes", function ()
    local server = support.start { hosts = {} }
    local started = os.clock()
    for _, host in ipairs { ("1"):rep(30000) .. ":x", "[" .. ("1"):rep(30000), "[::1]x", "::1" } do
      refused(server:request("GET", NAMESPACES, { headers = { host = host } }), 403, 10000)
    end
    assert.is_true(os.clock() - started < 2)
    server:close()
  end)
end)
