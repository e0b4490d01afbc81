local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"
local stand_in = require "tests.spec.support.stand_in"

local NAMESPACES = "/client/v4/accounts/" .. stand_in.ACCOUNT .. "/workers/dispatch/namespaces"

describe("a client", function ()
  local server

  before_each(function () server = stand_in.new() end)
  after_each(function () server:close() end)

  local function connect(opts)
    return stand_in.without_host_options(function () return server:connect(opts) end)
  end

  local function refusal(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(err))
    return err
  end

  it("sends a token, and says who it is", function ()
    connect():namespaces()
    local headers = server:last().headers
    assert.are.equal("Bearer " .. stand_in.TOKEN, headers.authorization)
    assert.is_truthy(headers["user-agent"]:find "^moonherd/%d+%.%d+%.%d+$")
    assert.is_nil(headers["x-auth-key"])
    assert.is_nil(headers["content-type"])
  end)

  it("has its credential nowhere in what prints, encodes or logs a handle", function ()
    local client = connect()
    for _, handle in ipairs { client, client:namespace "n", client:namespace "n":script "s" } do
      assert.is_nil(json.encode(handle):find(stand_in.TOKEN, 1, true))
    end
  end)

  it("refuses methods that are called with a dot, without showing what they were given", function ()
    local client = connect()
    local ns = client:namespace "n"
    local script = ns:script "s"
    assert.are.equal("client:namespaces: no client before the name; call it with a colon, "
      .. "client:namespaces(…)", refusal(client.namespaces).message)
    assert.are.equal("namespace:script: no namespace before the name; call it with a colon, "
      .. "namespace:script(…)", refusal(ns.script, "s").message)
    assert.is_nil(refusal(script.put_secret, "API_KEY", "hunter2").message:find "hunter2")
    assert.is_truthy(refusal(script.tags).message:find "^script:tags: no script before")
    assert.is_truthy(refusal(script.tags, ns).message:find "^script:tags: no script before")
    local moonherd = require "moonherd"
    assert.is_truthy(refusal(moonherd.connect, moonherd).message:find "a dot is expected")
  end)

  it("sends an e-mail address and a key instead", function ()
    stand_in.without_host_options(function ()
      return require "moonherd.cloudflare".connect {
        base_url = server.base, account_id = "a b",
        api_email = "me@x.test", api_key = "key-of-tests",
      }
    end):namespaces()
    local request = server:last()
    assert.are.equal("me@x.test", request.headers["x-auth-email"])
    assert.are.equal("key-of-tests", request.headers["x-auth-key"])
    assert.is_nil(request.headers.authorization)
    assert.are.equal("/client/v4/accounts/a%20b/workers/dispatch/namespaces", request.target)
  end)

  it("hides its credential from everything that is logged", function ()
    connect { api_token = "only-for-this-test" }
    assert.is_nil(log.mask("Bearer only-for-this-test!"):find "only")
  end)

  it("counts its requests", function ()
    local client = connect()
    client:namespaces()
    client:namespaces()
    assert.are.same({ requests = 2 }, client:stats())
  end)

  it("names a wrong option and the nearest valid one", function ()
    assert.are.equal("moonherd.connect: unknown option 'acount_id' (did you mean 'account_id'?)",
      refusal(connect, { acount_id = "x" }).message)
    assert.are.equal("moonherd.connect: bad option 'ca_file' (string expected, got table)",
      refusal(connect, { ca_file = {} }).message)
  end)

  describe("and namespaces", function ()
    it("lists them", function ()
      server:succeed { { namespace_name = "a" }, { namespace_name = "b" } }
      local list = connect():namespaces()
      assert.are.same({ "GET", NAMESPACES }, { server:last().method, server:last().target })
      assert.are.equal("b", list[2].namespace_name)
    end)

    it("creates one", function ()
      server:succeed { namespace_id = "1", namespace_name = "prod" }
      local ns, details = connect():create_namespace "prod"
      local request = server:last()
      assert.are.same({ "POST", NAMESPACES, '{"name":"prod"}', "application/json" },
        { request.method, request.target, request.body, request.headers["content-type"] })
      assert.are.same({ "prod", "1" }, { ns.name, details.namespace_id })
    end)

    it("takes one that is there", function ()
      server:succeed { namespace_name = "prod" }
      connect():ensure_namespace "prod"
      assert.are.same({ 1, "GET" }, { #server.requests, server:last().method })
    end)

    it("makes one that is missing", function ()
      server:fail(404, 100119):succeed { namespace_name = "prod" }
      local ns = connect():ensure_namespace "prod"
      assert.are.same({ 2, "POST", "prod" }, { #server.requests, server:last().method, ns.name })
    end)

    it("does not mind that somebody else was quicker", function ()
      server:fail(404, 100119):fail(409, 100120)
      assert.are.equal("prod", connect():ensure_namespace("prod").name)
    end)

    it("minds everything else", function ()
      server:fail(403, 10121)
      local client = connect()
      assert.are.equal("not_entitled", refusal(client.ensure_namespace, client, "prod").reason)
    end)

    it("makes handles without a request, and encodes names once", function ()
      local ns = connect():namespace "a:b c%"
      assert.are.same({ "a:b c%", 0 }, { ns.name, #server.requests })
      ns:details()
      assert.are.equal(NAMESPACES .. "/a%3Ab%20c%25", server:last().target)
      server:succeed { script = { id = "ü?" } }
      ns:script("ü?"):details()
      assert.are.equal(NAMESPACES .. "/a%3Ab%20c%25/scripts/%C3%BC%3F", server:last().target)
    end)

    it("refuses names that no URL can carry", function ()
      local client = connect()
      local ns = client:namespace "x"
      for _, name in ipairs { "", ".", ".." } do
        assert.are.equal("usage", refusal(client.namespace, client, name).kind)
        assert.are.equal("usage", refusal(ns.script, ns, name).kind)
      end
      assert.are.equal("client:namespace: the name of a namespace is expected, got nil",
        refusal(client.namespace, client).message)
    end)
  end)

  describe("deletes a namespace", function ()
    local function delete(opts) connect():namespace("prod"):delete(opts) end

    it("that is empty", function ()
      server:succeed { script_count = 0 }:succeed(nil)
      delete()
      assert.are.same({ "DELETE", NAMESPACES .. "/prod" },
        { server:last().method, server:last().target })
    end)

    it("but not one that holds scripts", function ()
      server:succeed { script_count = 3 }
      local err = refusal(delete)
      assert.are.same({ "usage", "namespace_not_empty", 1 },
        { err.kind, err.reason, #server.requests })
      assert.is_truthy(err.hint:find "expect = 3")
    end)

    it("unless their number is given", function ()
      server:succeed { script_count = 3 }:succeed(nil)
      delete { expect = 3 }
      assert.are.equal("DELETE", server:last().method)
    end)

    it("and it is the right one", function ()
      server:succeed { script_count = 3 }
      assert.are.equal("unexpected_count", refusal(delete, { expect = 2 }).reason)
      server:succeed { script_count = 0 }
      assert.are.equal("unexpected_count", refusal(delete, { expect = 2 }).reason)
    end)

    it("and counts when the API does not say", function ()
      server:succeed { namespace_name = "prod" }:succeed { { id = "a" }, { id = "b" } }:succeed(nil)
      delete { expect = 2 }
      assert.are.same({ 3, "DELETE" }, { #server.requests, server:last().method })
    end)
  end)

  describe("and scripts", function ()
    local SCRIPT = NAMESPACES .. "/prod/scripts/s%3A1"

    local function script() return connect():namespace("prod"):script "s:1" end

    it("gives details", function ()
      server:succeed { script = { id = "s:1", etag = "e" } }
      assert.are.equal("e", script():details().script.etag)
      assert.are.same({ "GET", SCRIPT }, { server:last().method, server:last().target })
    end)

    it("deletes", function ()
      server:succeed(nil)
      script():delete()
      assert.are.same({ "DELETE", SCRIPT }, { server:last().method, server:last().target })
      server:succeed(nil)
      script():delete { force = true }
      assert.are.equal(SCRIPT .. "?force=true", server:last().target)
      assert.is_truthy(refusal(script().delete, script(), { forced = true }).message:find "'force'")
    end)

    it("waits for one that is there by asking once", function ()
      server:succeed { script = { id = "s:1", etag = "e" } }
      assert.are.equal("e", script():wait_live({ etag = "e" }).script.etag)
      assert.are.equal(1, #server.requests)
      assert.is_truthy(refusal(script().wait_live, script(), { tag = "e" }).message:find "'etag'")
      assert.is_truthy(refusal(script().wait_live, script(), { timeout = "soon" }).message
        :find "'timeout'")
    end)

    it("lists bindings", function ()
      server:succeed { { name = "PLAN", type = "plain_text", text = "pro" } }
      local list = script():bindings()
      assert.are.same({ "GET", SCRIPT .. "/bindings" },
        { server:last().method, server:last().target })
      assert.are.equal("pro", list[1].text)
      server:succeed(nil)
      assert.are.same({}, script():bindings())
    end)

    it("says what was not found", function ()
      server:fail(404, 10007, "This Worker does not exist on your account.")
      local err = refusal(script().delete, script())
      assert.are.equal("delete script prod/s%3A1: This Worker does not exist on your account.",
        err.message)
      assert.are.same({ "script_not_found", 10007 }, { err.reason, err.code })
    end)
  end)

  describe("sends any request", function ()
    it("with a query and JSON, and keeps nulls", function ()
      server:answer { body = '{"success":true,"result":{"a":null},"result_info":{"n":1}}' }
      local result, envelope = connect():request {
        method = "post", path = "/accounts/{account_id}/x", query = { a = "b c" },
        json = { k = json.null },
      }
      local request = server:last()
      assert.are.same({ "POST", "/client/v4/accounts/" .. stand_in.ACCOUNT .. "/x?a=b%20c",
        '{"k":null}' }, { request.method, request.target, request.body })
      assert.are.equal(json.null, result.a)
      assert.are.equal(1, envelope.result_info.n)
    end)

    it("with a form", function ()
      connect():request { method = "PATCH", path = "/x", form = {
        settings = { content = "{}", content_type = "application/json" },
      } }
      local boundary = server:last().headers["content-type"]:match 'boundary="?([^"]+)'
      assert.are.equal("--" .. boundary .. "\r\n"
        .. 'Content-Disposition: form-data; name="settings"\r\n'
        .. "Content-Type: application/json\r\n\r\n{}\r\n--" .. boundary .. "--\r\n",
        server:last().body)
    end)

    it("with a body as it is", function ()
      connect():request { method = "PUT", path = "/x", body = "a=1", content_type = "text/x-a" }
      assert.are.same({ "a=1", "text/x-a" },
        { server:last().body, server:last().headers["content-type"] })
    end)

    it("and hands over what is no JSON", function ()
      server:answer { body = "<p>", headers = { ["content-type"] = "text/html" } }
      assert.are.equal("<p>", (connect():request { path = "/x" }))
    end)

    it("and raises what failed", function ()
      server:fail(400, 10021, "nonsense")
      local client = connect()
      local err = refusal(client.request, client, { path = "/x" })
      assert.are.same({ "validation", "GET /x: nonsense" }, { err.reason, err.message })
    end)

    it("but not to another place", function ()
      local client = connect()
      for _, path in ipairs { "x", "@evil.test/", "/a b", "/x\r\ny: z", "https://evil.test/" } do
        local err = refusal(client.request, client, { path = path })
        assert.is_truthy(err.message:find "'path'", path)
      end
      assert.is_truthy(refusal(client.request, client, {}).message:find "'path' is missing")
    end)
  end)
end)
