-- Upload, details and delete of a script, over HTTP.

local json = require "moonherd.json"
local moonherd = require "moonherd"
local support = require "tests.spec.support.platform"

local ok, refused, file, form = support.ok, support.refused, support.file, support.form
local SCRIPT = "/prod/scripts/customer-a"

describe("a script", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)
  before_each(function () server:api("DELETE", SCRIPT) end)

  local function put(metadata, files, query)
    return server:put(SCRIPT, metadata, files, query)
  end

  local function send(parts)
    return server:api("PUT", SCRIPT, { form = parts })
  end

  local function details()
    return ok(server:api("GET", SCRIPT)).script
  end

  describe("that is uploaded", function ()
    it("is answered with all that clients look for", function ()
      local result = ok(put({
        compatibility_date = "2026-01-01", compatibility_flags = json.array { "nodejs_compat" },
        tags = json.array { "prod" },
      }))
      assert.equal("customer-a", result.id)
      assert.truthy(result.tag:find "^%x+$")
      assert.equal(32, #result.tag)
      assert.equal(64, #result.etag)
      assert.equal(32, #result.deployment_id)
      assert.truthy(result.deployment_id:find "^%x+$")
      assert.equal("integer", math.type(result.startup_time_ms))
      assert.equal("index.js", result.entry_point)
      assert.same({ "fetch" }, { table.unpack(result.handlers) })
      assert.is_true(json.is_array(result.named_handlers))
      assert.is_false(result.has_assets)
      assert.is_true(result.has_modules)
      assert.equal("2026-01-01", result.compatibility_date)
      assert.equal("nodejs_compat", result.compatibility_flags[1])
      assert.equal("standard", result.usage_model)
      assert.is_false(result.logpush)
      assert.equal("prod", result.tags[1])
      assert.equal(json.null, result.tail_consumers)
      assert.equal("api", result.last_deployed_from)
      assert.equal(result.created_on, result.modified_on)
    end)

    it("is shown by GET, with its name and tags outside too", function ()
      local result = ok(put { tags = json.array { "a", "b" } })
      local shown = ok(server:api("GET", SCRIPT))
      assert.equal("customer-a", shown.id)
      assert.equal("prod", shown.dispatch_namespace)
      assert.equal(result.created_on, shown.created_on)
      assert.equal(result.modified_on, shown.modified_on)
      assert.same({ "a", "b" }, { table.unpack(shown.tags) })
      for _, field in ipairs { "id", "tag", "etag", "created_on", "compatibility_date" } do
        assert.equal(result[field], shown.script[field])
      end
      for _, field in ipairs { "startup_time_ms", "deployment_id", "entry_point" } do
        assert.is_nil(shown.script[field])
      end
    end)

    it("remembers what kind of client sent it", function ()
      for agent, source in pairs { ["wrangler/4.164.0"] = "wrangler", ["Mozilla/5.0"] = "dash",
        ["curl/8.0"] = "api" } do
        local response = server:api("PUT", SCRIPT, {
          form = form({ main_module = "a.js" }, { file("a.js", support.SOURCE) }),
          headers = { ["user-agent"] = agent },
        })
        assert.equal(source, ok(response).last_deployed_from)
      end
    end)

    it("may have any name a path carries", function ()
      for _, name in ipairs { "%C3%9Cbung%20a", "100%", "UPPER", "a:b" } do
        ok(server:put("/prod/scripts/" .. name))
        ok(server:api("GET", "/prod/scripts/" .. name))
        ok(server:api("DELETE", "/prod/scripts/" .. name))
      end
    end)

    it("may say more in its query than is listened to", function ()
      ok(put({}, nil,
        "?excludeScript=true&bindings_inherit=strict&include_subdomain_availability=true"))
    end)
  end)

  describe("is refused", function ()
    it("without metadata, or with metadata that cannot be read", function ()
      refused(send { file("a.js", support.SOURCE) }, 400, 10021)
      refused(send(form("{", { file("a.js", support.SOURCE) })), 400, 10026)
      refused(send(form("[]", { file("a.js", support.SOURCE) })), 400, 10021)
    end)

    it("when its entry is not there", function ()
      local errors = refused(put { main_module = "missing.js" }, 400, 10021)
      assert.equal('No such module "missing.js".', errors[1].message)
      assert.equal("/main_module", errors[1].source.pointer)
    end)

    it("when it is new and has no code", function ()
      refused(put({ tags = json.array { "a" } }, {}), 400, 10021)
      refused(server:api("GET", SCRIPT), 404, 10092)
    end)

    it("when a module is there twice", function ()
      refused(put({}, { file("index.js", support.SOURCE), file("index.js", support.SOURCE) }),
        400, 10021)
    end)

    it("when its entry is empty", function ()
      local errors = refused(put({}, { file("index.js", " \n") }), 400, 10068)
      assert.equal("The uploaded script has no registered event handlers.", errors[1].message)
      assert.is_string(errors[1].documentation_url)
    end)

    it("with a completion token, or a binding, of assets it does not have", function ()
      local errors = refused(put { assets = { jwt = "a.b.c" } }, 400, 10021)
      assert.equal("/assets/jwt", errors[1].source.pointer)
      errors = refused(put { bindings = json.array { { type = "assets", name = "ASSETS" } } },
        400, 10021)
      assert.equal("Cannot use an assets binding without assets", errors[1].message)
    end)

    it("with a name of a part that breaks the line", function ()
      local body = '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n'
        .. '--b\r\nContent-Disposition: form-data; name="a%0Ab"\r\n\r\nx\r\n--b--\r\n'
      refused(server:api("PUT", SCRIPT,
        { body = body, headers = { ["content-type"] = "multipart/form-data; boundary=b" } }), 400,
          10021)
    end)

    it("with every rule broken by the code it stands for", function ()
      for code, metadata in pairs {
        [10052] = { bindings = json.array { { type = "ai" } } },
        [10053] = { bindings = json.array { { type = "ai", name = "A" },
          { type = "ai", name = "A" } } },
        [10054] = { bindings = json.array { { type = "plain_text", name = "A",
          text = ("x"):rep(5121) } } },
        [10074] = { migrations = { new_tag = "v1", new_classes = json.array { "A", "A" } } },
        [10021] = { bindings = json.array { { type = "secret_text", name = "A" } } },
      } do
        refused(put(metadata), 400, code)
      end
      refused(put { migrations = { old_tag = "v0", new_tag = "v1" } }, 412, 10079)
      refused(put { keep_bindings = true }, 400, 10021)
      refused(put { keep_bindings = json.array { "nonsense" } }, 400, 10021)
      local tags = json.array {}
      for i = 1, 11 do tags[i] = "t" .. i end
      refused(put { tags = tags }, 403, 10021)
      refused(put { tags = json.array { ("x"):rep(1025) } }, 400, 10021)
    end)

    it("and leaves nothing behind", function ()
      ok(put { tags = json.array { "a" } })
      local before = details()
      refused(put { tags = json.array { "a,b" } }, 400, 10021)
      assert.same(before, details())
    end)
  end)

  describe("warns in its answer", function ()
    local function messages(response)
      ok(response)
      return response.json.messages
    end

    it("of a main module that is not typed as one", function ()
      local said = messages(put({}, { file("index.js", support.SOURCE, "application/javascript") }))
      assert.equal(1, #said)
      assert.truthy(said[1].code >= 1000)
      assert.equal(0, #messages(put()))
    end)

    it("of both entries, more than eight tags, and odd names of bindings", function ()
      assert.equal(1, #messages(put({ main_module = "index.js", body_part = "x" })))
      local tags = json.array {}
      for i = 1, 9 do tags[i] = "t" .. i end
      assert.equal(1, #messages(put { tags = tags }))
      assert.equal(1, #messages(put { bindings = json.array { { type = "ai", name = "my-ai" } } }))
    end)
  end)

  describe("with bindings", function ()
    local function secret(text)
      return json.array { { type = "secret_text", name = "KEY", text = text } }
    end
    local INHERIT = json.array { { type = "inherit", name = "KEY" } }

    it("is refused once for each that cannot be inherited, when strict", function ()
      ok(put { bindings = secret "value" })
      local list = json.array {
        { type = "inherit", name = "X" }, { type = "inherit", name = "KEY" },
          { type = "inherit", name = "Y" },
      }
      local errors = refused(put({ bindings = list }, nil, "?bindings_inherit=strict"), 400, 10057)
      assert.equal(2, #errors)
      assert.equal("/bindings/0", errors[1].source.pointer)
      assert.equal("/bindings/2", errors[2].source.pointer)
      ok(put { bindings = list })
      ok(put({ bindings = INHERIT }, nil, "?bindings_inherit=strict"))
    end)

    it("keeps secrets by type, and drops them else", function ()
      ok(put { bindings = secret "value" })
      ok(put { keep_bindings = json.array { "secret_text", "secret_key" } })
      ok(put({ bindings = INHERIT }, nil, "?bindings_inherit=strict"))
      ok(put {})
      refused(put({ bindings = INHERIT }, nil, "?bindings_inherit=strict"), 400, 10057)
    end)

    it("inherits a secret under a new name", function ()
      ok(put { bindings = secret "value" })
      ok(put({ bindings = json.array { { type = "inherit", name = "NEW", old_name = "KEY" } } },
        nil,
        "?bindings_inherit=strict"))
      ok(put({ bindings = json.array { { type = "inherit", name = "NEW" } } }, nil,
        "?bindings_inherit=strict"))
    end)

    it("never shows a value", function ()
      local value = "a-value-to-be-kept-secret"
      local answers = {
        server:put(SCRIPT, { bindings = secret(value) }),
        server:api("GET", SCRIPT),
        server:api("GET", "/prod/scripts"),
        server:api("GET", SCRIPT .. "/content"),
        server:put(SCRIPT, { bindings = json.array { { type = "secret_text", name = value } } }),
      }
      for i, answer in ipairs(answers) do
        if i < #answers then assert.equal(200, answer.status) end
      end
      for i = 1, 4 do assert.is_nil(answers[i].body:find(value, 1, true)) end
    end)
  end)

  describe("with migrations", function ()
    local function migrate(migrations)
      return put { migrations = migrations }
    end

    it("has the tag of the last", function ()
      assert.is_nil(ok(put {}).migration_tag)
      local first = { new_tag = "v1", steps = json.array { { new_classes = json.array { "A" } } } }
      assert.equal("v1", ok(migrate(first)).migration_tag)
      assert.equal("v1", details().migration_tag)
      assert.equal("v1", ok(put {}).migration_tag)
      local errors = refused(migrate(first), 412, 10079)
      assert.equal("Migration tag precondition failed; current tag is 'v1'", errors[1].message)
      assert.equal("v2", ok(migrate { old_tag = "v1", new_tag = "v2",
        new_sqlite_classes = json.array { "B" } }).migration_tag)
    end)

    it("makes no class again", function ()
      ok(migrate { new_tag = "v1", new_classes = json.array { "A" } })
      local errors = refused(migrate { old_tag = "v1", new_tag = "v2",
        new_classes = json.array { "A" } },
        400, 10074)
      assert.truthy(errors[1].message:find("class 'A'", 1, true))
    end)
  end)

  describe("with declared exports", function ()
    it("shows the live ones, and an empty reconciliation", function ()
      local result = ok(put {
        exports = {
          A = { type = "durable-object", storage = "sqlite" },
          B = { type = "durable-object", state = "deleted" },
        },
      })
      assert.is_table(result.exports.A)
      assert.is_nil(result.exports.B)
      assert.equal(0, #result.exports_reconciliation.created)
      assert.is_true(json.is_array(result.exports_reconciliation.warnings))
      refused(put { exports = {}, migrations = { new_tag = "v1" } }, 400, 10021)
    end)
  end)

  describe("that is not there", function ()
    it("is 10092 to GET and 10007 to the rest", function ()
      local errors = refused(server:api("GET", SCRIPT), 404, 10092)
      assert.equal("workers.api.error.environment_not_found", errors[1].message)
      for _, route in ipairs { { "DELETE", "" }, { "GET", "/content" }, { "PUT", "/content" } } do
        errors = refused(server:api(route[1], SCRIPT .. route[2]), 404, 10007)
        assert.equal("This Worker does not exist on your account.", errors[1].message)
      end
    end)
  end)

  describe("that is deleted", function ()
    it("is gone, with an envelope that says null", function ()
      ok(put())
      assert.equal(json.null, ok(server:api("DELETE", SCRIPT .. "?force=true")))
      refused(server:api("GET", SCRIPT), 404, 10092)
      refused(server:api("DELETE", SCRIPT), 404, 10007)
    end)

    it("starts blank when it comes again", function ()
      local first = ok(put { tags = json.array { "a" }, migrations = { new_tag = "v1" },
        bindings = json.array { { type = "secret_text", name = "KEY", text = "value" } } })
      ok(server:api("DELETE", SCRIPT))
      local second = ok(put({ bindings = json.array { { type = "inherit", name = "KEY" } } }))
      assert.are_not.equal(first.tag, second.tag)
      assert.is_nil(second.migration_tag)
      assert.equal(0, #second.tags)
    end)
  end)

  it("takes many changes at once, one after the other", function ()
    ok(put())
    local seen = {}
    moonherd.map({ 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, { concurrency = 12 }, function (i)
      local files = { file("index.js", support.SOURCE .. "// " .. i) }
      seen[ok(server:put(SCRIPT, {}, files)).etag] = true
    end)
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.equal(12, count)
    assert.is_true(seen[details().etag])
  end)

  it("is made once by two who make it at once", function ()
    local tags = moonherd.map({ 1, 2 }, { concurrency = 2 }, function () return ok(put()).tag end)
    assert.equal(tags[1], tags[2])
  end)
end)
