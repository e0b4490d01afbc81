-- Namespaces: create, list, get, rename, trust, delete.

local clock = require "moonherd._clock"
local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused

describe("a namespace", function ()
  local server

  before_each(function () server = support.start() end)
  after_each(function () server:close() end)

  local function create(body)
    return server:api("POST", "", { json = body })
  end

  it("is made, and shown as it is", function ()
    local made = ok(create { name = "prod" })
    assert.truthy(made.namespace_id:find "^%x+%-%x+%-4%x+%-[89ab]%x+%-%x+$")
    assert.equal("prod", made.namespace_name)
    assert.truthy(made.created_on:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%d%d%d%dZ$")
    assert.equal(made.created_on, made.modified_on)
    assert.equal(32, #made.created_by)
    assert.equal(made.created_by, made.modified_by)
    assert.equal(0, made.script_count)
    assert.is_false(made.trusted_workers)
    assert.same(made, ok(server:api("GET", "/prod")))
    assert.same({ made }, { table.unpack(ok(server:api("GET", ""))) })
  end)

  it("has one name of its own in its account", function ()
    ok(create { name = "prod" })
    local response = create { name = "prod" }
    local errors = refused(response, 409, 100120)
    assert.equal("A dispatch namespace with this name already exists.", errors[1].message)
    assert.equal("false", response.headers["x-should-retry"])
    local other = "/client/v4/accounts/" .. ("f"):rep(32) .. "/workers/dispatch/namespaces"
    ok(server:request("POST", other, { json = { name = "prod" } }))
  end)

  it("is made once by those who make it at once", function ()
    local statuses = moonherd.map({ 1, 2, 3, 4 }, { concurrency = 4 }, function ()
      return create({ name = "prod" }).status
    end)
    table.sort(statuses)
    assert.same({ 200, 409, 409, 409 }, statuses)
  end)

  it("needs a name that is valid", function ()
    for _, body in ipairs {
      {}, { name = "" }, { name = "a/b" }, { name = ".." }, { name = ("x"):rep(256) }, { name = 3 },
      { name = "a\nb" }, { name = { "x" } },
    } do
      local errors = refused(create(body), 400, 10021)
      assert.equal("/name", errors[1].source.pointer)
    end
    refused(server:api("POST", "", { json = { "prod" } }), 400, 10021)
    refused(server:api("POST", "", { body = '"prod"' }), 400, 10021)
  end)

  it("ignores fields it does not know", function ()
    assert.is_false(ok(create { name = "prod", trusted_workers = true, more = 1 }).trusted_workers)
  end)

  it("may have any letters, encoded once in a path", function ()
    ok(create { name = "Übung 100%" })
    assert.equal("Übung 100%", ok(server:api("GET", "/%C3%9Cbung%20100%25")).namespace_name)
  end)

  it("is listed by name", function ()
    for _, name in ipairs { "b", "a", "C" } do ok(create { name = name }) end
    local names = {}
    for i, namespace in ipairs(ok(server:api("GET", ""))) do names[i] = namespace.namespace_name end
    assert.same({ "C", "a", "b" }, names)
  end)

  it("counts its scripts", function ()
    ok(create { name = "prod" })
    for _, script in ipairs { "a", "b", "b" } do ok(server:put("/prod/scripts/" .. script)) end
    assert.equal(2, ok(server:api("GET", "/prod")).script_count)
    ok(server:api("DELETE", "/prod/scripts/a"))
    assert.equal(1, ok(server:api("GET", "/prod")).script_count)
  end)

  it("is deleted with its scripts, and starts anew", function ()
    local first = ok(create { name = "prod" })
    ok(server:put "/prod/scripts/a")
    assert.equal(json.null, ok(server:api("DELETE", "/prod")))
    refused(server:api("GET", "/prod"), 404, 100119)
    refused(server:api("GET", "/prod/scripts/a"), 404, 100119)
    local second = ok(create { name = "prod" })
    assert.are_not.equal(first.namespace_id, second.namespace_id)
    assert.equal(0, second.script_count)
    refused(server:api("GET", "/prod/scripts/a"), 404, 10092)
  end)

  it("that is not there is 100119 on every route below it", function ()
    for _, route in ipairs {
      { "GET", "" }, { "PUT", "" }, { "PATCH", "" }, { "DELETE", "" }, { "GET", "/scripts" },
      { "DELETE", "/scripts" }, { "PUT", "/scripts/a" }, { "GET", "/scripts/a/bindings" },
      { "PUT", "/scripts/a/tags" }, { "GET", "/scripts/a/tags" }, { "PUT", "/scripts/a/tags/t" },
      { "DELETE", "/scripts/a/tags/t" },
      { "GET", "/scripts/a" }, { "DELETE", "/scripts/a" }, { "PUT", "/scripts/a/content" },
      { "GET", "/scripts/a/content" },
    } do
      local errors = refused(server:api(route[1], "/missing" .. route[2]), 404, 100119)
      assert.equal("The specified dispatch namespace does not exist on this account.",
        errors[1].message)
    end
  end)

  it("is made by somebody who has one id", function ()
    local by_token = ok(create { name = "a" }).created_by
    local headers = { authorization = false, ["x-auth-email"] = "me@example.com",
      ["x-auth-key"] = support.TOKEN }
    local by_key = ok(server:api("POST", "",
      { json = { name = "b" }, headers = headers })).created_by
    assert.are_not.equal(by_token, by_key)
    assert.equal(by_token, ok(create { name = "c" }).created_by)
  end)

  for _, method in ipairs { "PUT", "PATCH" } do
    describe("by " .. method, function ()
      local made

      before_each(function ()
        made = ok(create { name = "prod" })
      end)

      local function change(path, body)
        return server:api(method, path, { json = body })
      end

      it("is renamed at once, with its id and its scripts", function ()
        local script = ok(server:put("/prod/scripts/a", { tags = json.array { "t" } }))
        local renamed = ok(change("/prod", { name = "production" }))
        assert.equal("production", renamed.namespace_name)
        assert.equal(1, renamed.script_count)
        for _, field in ipairs { "namespace_id", "created_on", "created_by", "modified_by" } do
          assert.equal(made[field], renamed[field])
        end
        assert.is_true(renamed.modified_on > made.modified_on)
        assert.same(renamed, ok(server:api("GET", "/production")))
        refused(server:api("GET", "/prod"), 404, 100119)
        refused(server:api("GET", "/prod/scripts/a"), 404, 100119)
        local shown = ok(server:api("GET", "/production/scripts?tags=t:yes"))[1]
        assert.equal("production", shown.dispatch_namespace)
        assert.equal(script.tag, shown.script.tag)
        ok(server:api("DELETE", "/production/scripts/a"))
      end)

      it("is changed later than before, though the clock stands still", function ()
        local real = clock.wall
        finally(function () clock.wall = real end)
        local now = real()
        function clock.wall() return now end
        local last = ok(change("/prod", { name = "prod" })).modified_on
        for _ = 1, 3 do
          local next_one = ok(change("/prod", { name = "prod" })).modified_on
          assert.is_true(next_one > last)
          last = next_one
        end
      end)

      it("leaves its old name free", function ()
        ok(change("/prod", { name = "production" }))
        assert.are_not.equal(made.namespace_id, ok(create { name = "prod" }).namespace_id)
        refused(change("/missing", { name = "other" }), 404, 100119)
      end)

      it("may be given the name it has", function ()
        assert.equal("prod", ok(change("/prod", { name = "prod" })).namespace_name)
      end)

      it("is not given a name that is taken", function ()
        ok(create { name = "other" })
        local response = change("/prod", { name = "other", trusted_workers = true })
        local errors = refused(response, 409, 100120)
        assert.equal("/name", errors[1].source.pointer)
        assert.equal("false", response.headers["x-should-retry"])
        assert.same(made, ok(server:api("GET", "/prod")))
        ok(server:request(method, ("/client/v4/accounts/%s/workers/dispatch/namespaces/prod")
          :format(support.ACCOUNT), { json = { name = "third" } }))
      end)

      it("is renamed once by those who do it at once", function ()
        local statuses = moonherd.map({ "a", "b", "c", "d" }, { concurrency = 4 }, function (name)
          return change("/prod", { name = name }).status
        end)
        table.sort(statuses)
        assert.same({ 200, 404, 404, 404 }, statuses)
        assert.equal(1, #ok(server:api("GET", "")))
      end)

      it("is trusted, and no more", function ()
        assert.is_true(ok(change("/prod", { trusted_workers = true })).trusted_workers)
        assert.is_true(ok(server:api("GET", "/prod")).trusted_workers)
        assert.is_false(ok(change("/prod", { trusted_workers = false })).trusted_workers)
      end)

      it("is changed by whoever does it", function ()
        local changed = ok(server:api(method, "/prod", { json = { trusted_workers = true },
          headers = { authorization = false, ["x-auth-email"] = "me@example.com",
            ["x-auth-key"] = support.TOKEN } }))
        assert.equal(made.created_by, changed.created_by)
        assert.are_not.equal(made.modified_by, changed.modified_by)
      end)

      it("takes no field of the wrong kind, and ignores others", function ()
        for pointer, bodies in pairs {
          ["/name"] = { { name = "" }, { name = "a/b" }, { name = 3 }, { name = ("x"):rep(256) } },
          ["/trusted_workers"] = { { trusted_workers = "true" }, { trusted_workers = 1 } },
          [""] = { json.array {}, "prod" },
        } do
          for _, body in ipairs(bodies) do
            local errors = refused(change("/prod", body), 400, 10021)
            assert.equal(pointer, errors[1].source.pointer)
          end
        end
        refused(server:api(method, "/prod", { body = "{" }), 400, 10026)
        assert.same(made, ok(server:api("GET", "/prod")))
        ok(change("/prod", { script_count = 7, more = "x" }))
        assert.equal(0, ok(server:api("GET", "/prod")).script_count)
      end)
    end)
  end

  describe("whose trust a request does not mention", function ()
    before_each(function ()
      ok(create { name = "prod" })
      ok(server:api("PATCH", "/prod", { json = { trusted_workers = true } }))
    end)

    it("loses it by PUT, and keeps its name", function ()
      local changed = ok(server:api("PUT", "/prod", { json = {} }))
      assert.is_false(changed.trusted_workers)
      assert.equal("prod", changed.namespace_name)
      ok(server:api("PATCH", "/prod", { json = { trusted_workers = true } }))
      assert.is_false(ok(server:api("PUT", "/prod", { json = { name = "p" } })).trusted_workers)
    end)

    it("keeps it by PATCH, with null as well", function ()
      assert.is_true(ok(server:api("PATCH", "/prod", { json = {} })).trusted_workers)
      local nulls = { name = json.null, trusted_workers = json.null }
      local changed = ok(server:api("PATCH", "/prod", { json = nulls }))
      assert.is_true(changed.trusted_workers)
      assert.equal("prod", changed.namespace_name)
      assert.is_true(ok(server:api("PATCH", "/prod", { json = { name = "p" } })).trusted_workers)
    end)
  end)
end)
