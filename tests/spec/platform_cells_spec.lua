-- What an upload and a content upload replace, reset and keep: the columns "PUT SCR" and "PUT
-- content" of contract §14, one test a cell.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, file = support.ok, support.file
local SCRIPT = "/prod/scripts/a"

local ALL = {
  compatibility_date = "2026-01-01",
  compatibility_flags = json.array { "nodejs_compat" },
  limits = { cpu_ms = 50 },
  placement = { mode = "smart" },
  usage_model = "unbound",
  cache_options = { enabled = true },
  observability = { enabled = true, head_sampling_rate = 0.5 },
  logpush = true,
  tail_consumers = json.array { { service = "tail" } },
  tags = json.array { "one", "two" },
  migrations = { new_tag = "v1", new_classes = json.array { "A" } },
  bindings = json.array {
    { type = "plain_text", name = "MODE", text = "live" },
    { type = "kv_namespace", name = "KV", namespace_id = "0f2ac74b498b48028cb68387c421e279" },
    { type = "secret_text", name = "KEY", text = "a-secret-value" },
  },
}

describe("replaced, reset, kept:", function ()
  local server, before

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)

  local function copy(metadata)
    return json.decode(json.encode(metadata), { nulls = true })
  end

  local function put(metadata, files)
    return ok(server:put(SCRIPT, copy(metadata), files))
  end

  local function put_content(source)
    return ok(server:api("PUT", SCRIPT .. "/content", {
      form = support.form({ main_module = "index.js" }, { file("index.js", source) }),
    }))
  end

  local function details()
    return ok(server:api("GET", SCRIPT)).script
  end

  -- What the platform holds of the script beside what it shows.
  local function held()
    local state = server.platform.store:find_state(support.ACCOUNT, "prod", "a")
    local names = {}
    for _, binding in ipairs(json.decode(state.bindings)) do names[#names + 1] = binding.name end
    return {
      bindings = table.concat(names, " "),
      secrets = state.secrets,
      settings = json.decode(state.version_settings),
      number = state.number,
      classes = json.decode(state.classes),
    }
  end

  local function content()
    return server:api("GET", SCRIPT .. "/content").body
  end

  before_each(function ()
    server:api("DELETE", SCRIPT)
    before = put(ALL)
  end)

  describe("PUT script", function ()
    describe("given", function ()
      it("replaces the code", function ()
        put({}, { file("other.js", "export default { queue() {} }") })
        assert.truthy(content():find("queue() {}", 1, true))
        assert.is_nil(content():find("index.js", 1, true))
      end)

      it("replaces the bindings that are not secret", function ()
        put { bindings = json.array { { type = "ai", name = "AI" } } }
        assert.equal("AI", held().bindings)
      end)

      it("replaces secrets, and adds them", function ()
        local old = held().secrets.KEY
        put { bindings = json.array {
          { type = "secret_text", name = "KEY", text = "another-value" },
          { type = "secret_text", name = "MORE", text = "one-more-value" },
        } }
        assert.are_not.equal(old, held().secrets.KEY)
        assert.is_string(held().secrets.MORE)
      end)

      it("replaces the compatibility date", function ()
        assert.equal("2026-02-02", put({ compatibility_date = "2026-02-02" }).compatibility_date)
      end)

      it("replaces the compatibility flags", function ()
        assert.same({ "x" }, { table.unpack(put({ compatibility_flags = json.array { "x" } })
          .compatibility_flags) })
      end)

      it("replaces limits, placement, usage model and cache options", function ()
        local shown = put { limits = { cpu_ms = 10 },
          placement = { mode = "targeted", region = "aws:x" },
          usage_model = "bundled", cache_options = { enabled = false } }
        assert.same({ cpu_ms = 10 }, held().settings.limits)
        assert.same({ mode = "targeted", region = "aws:x" }, shown.placement)
        assert.equal("targeted", shown.placement_mode)
        assert.equal("bundled", shown.usage_model)
        assert.same({ enabled = false }, shown.cache_options)
      end)

      it("replaces observability, logpush and tail consumers", function ()
        local shown = put { observability = { enabled = true, logs = { enabled = true } },
          logpush = false,
          tail_consumers = json.array { { service = "other" } } }
        assert.same({ enabled = true, logs = { enabled = true } }, shown.observability)
        assert.is_false(shown.logpush)
        assert.equal("other", shown.tail_consumers[1].service)
      end)

      it("replaces the tags, all of them with null", function ()
        assert.same({ "three" }, { table.unpack(put({ tags = json.array { "three" } }).tags) })
        assert.equal(0, #put({ tags = json.null }).tags)
      end)

      it("moves the migration tag", function ()
        local shown = put { migrations = { old_tag = "v1", new_tag = "v2",
          new_classes = json.array { "B" } } }
        assert.equal("v2", shown.migration_tag)
        assert.same({ "A", "B" }, { table.unpack(held().classes) })
      end)
    end)

    describe("absent", function ()
      it("keeps the code of an upload without files", function ()
        local shown = put({ compatibility_date = "2026-03-03" }, {})
        assert.equal(before.etag, shown.etag)
        assert.equal("index.js", shown.entry_point)
        assert.truthy(content():find(support.SOURCE, 1, true))
      end)

      it("drops bindings, unless kept by type or inherited", function ()
        put { bindings = json.array {} }
        assert.equal("", held().bindings)
        before = put(copy(ALL).migrations and { bindings = ALL.bindings } or {})
        put {}
        assert.equal("", held().bindings)
        put { bindings = ALL.bindings }
        put { keep_bindings = json.array { "plain_text" },
          bindings = json.array { { type = "inherit", name = "KV" } } }
        assert.equal("KV MODE", held().bindings)
      end)

      it("drops secrets, unless kept by type or inherited", function ()
        put { keep_bindings = json.array { "secret_text" } }
        assert.equal("KEY", held().bindings)
        put { bindings = json.array { { type = "inherit", name = "KEY" } } }
        assert.is_string(held().secrets.KEY)
        put {}
        assert.same({}, held().secrets)
      end)

      it("resets the compatibility date", function ()
        assert.equal("2021-11-02", put({}).compatibility_date)
      end)

      it("resets the compatibility flags", function ()
        local flags = put({}).compatibility_flags
        assert.is_true(json.is_array(flags))
        assert.equal(0, #flags)
      end)

      it("resets limits, placement, usage model and cache options", function ()
        local shown = put {}
        assert.same({}, held().settings.limits)
        assert.same({}, shown.placement)
        assert.equal("standard", shown.usage_model)
        assert.is_nil(shown.cache_options)
      end)

      it("resets observability, logpush and tail consumers", function ()
        local shown = put {}
        assert.same({ enabled = false }, shown.observability)
        assert.is_false(shown.logpush)
        assert.equal(json.null, shown.tail_consumers)
      end)

      it("keeps the tags", function ()
        assert.same({ "one", "two" }, { table.unpack(put({}).tags) })
      end)

      it("keeps the migration tag", function ()
        assert.equal("v1", put({}).migration_tag)
        assert.same({ "A" }, { table.unpack(held().classes) })
      end)
    end)

    it("keeps the immutable id and the day of creation", function ()
      local shown = put {}
      assert.equal(before.tag, shown.tag)
      assert.equal(before.created_on, shown.created_on)
    end)

    it("makes a new etag when the code changed, and only then", function ()
      assert.equal(before.etag, put({}).etag)
      assert.are_not.equal(before.etag, put({}, { file("index.js", support.SOURCE .. "//") }).etag)
    end)

    it("makes a new modification time, version and deployment", function ()
      local number = held().number
      local shown = put {}
      assert.are_not.equal(before.modified_on, shown.modified_on)
      assert.are_not.equal(before.deployment_id, shown.deployment_id)
      assert.equal(number + 1, held().number)
    end)
  end)

  describe("PUT content", function ()
    local was, number

    before_each(function ()
      was, number = details(), held().number
      put_content "export default { queue() {} }"
    end)

    it("replaces the code, and what follows from it", function ()
      assert.truthy(content():find("queue() {}", 1, true))
      assert.same({ "queue" }, { table.unpack(details().handlers) })
    end)

    it("keeps the bindings", function ()
      assert.equal("MODE KV KEY", held().bindings)
    end)

    it("keeps the secrets", function ()
      assert.is_string(held().secrets.KEY)
    end)

    it("keeps the compatibility date", function ()
      assert.equal("2026-01-01", details().compatibility_date)
    end)

    it("keeps the compatibility flags", function ()
      assert.equal("nodejs_compat", details().compatibility_flags[1])
    end)

    it("keeps limits, placement, usage model and cache options", function ()
      assert.same({ cpu_ms = 50 }, held().settings.limits)
      assert.same({ mode = "smart" }, details().placement)
      assert.equal("unbound", details().usage_model)
      assert.same({ enabled = true }, details().cache_options)
    end)

    it("keeps observability, logpush and tail consumers", function ()
      assert.same(ALL.observability, details().observability)
      assert.is_true(details().logpush)
      assert.equal("tail", details().tail_consumers[1].service)
    end)

    it("keeps the tags", function ()
      assert.same({ "one", "two" }, { table.unpack(details().tags) })
    end)

    it("keeps the migration tag", function ()
      assert.equal("v1", details().migration_tag)
    end)

    it("keeps the immutable id and the day of creation", function ()
      assert.equal(was.tag, details().tag)
      assert.equal(was.created_on, details().created_on)
    end)

    it("makes a new etag, modification time and version", function ()
      assert.are_not.equal(was.etag, details().etag)
      assert.are_not.equal(was.modified_on, details().modified_on)
      assert.equal(number + 1, held().number)
    end)
  end)
end)

describe("with implicit inheritance of secrets", function ()
  it("an upload keeps the secrets it does not name", function ()
    local server = support.start { implicit_secret_inheritance = true }
    server:make_namespace "prod"
    ok(server:put(SCRIPT, { bindings = json.array { { type = "secret_text", name = "KEY",
      text = "value" } } }))
    ok(server:put(SCRIPT))
    ok(server:put(SCRIPT, { bindings = json.array { { type = "inherit", name = "KEY" } } }, nil,
      "?bindings_inherit=strict"))
    server:close()
  end)
end)
