-- Settings of a script, read and patched over HTTP.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused
local SCRIPT = "/prod/scripts/a"
local SETTINGS = SCRIPT .. "/settings"

-- Every leaf of Settings that can be set, in one value and another.
local ONE = {
  bindings = json.array { { name = "MODE", type = "plain_text", text = "live" } },
  compatibility_date = "2026-01-01",
  compatibility_flags = json.array { "nodejs_compat", "x" },
  limits = { cpu_ms = 50, subrequests = 7 },
  logpush = true,
  observability = {
    enabled = true,
    head_sampling_rate = 0.25,
    logs = { destinations = json.array { "one", "two" }, enabled = true, head_sampling_rate = 0.5,
      invocation_logs = false, persist = false },
    traces = { enabled = true, head_sampling_rate = 1, destinations = json.array {},
      persist = true, propagation_policy = "accept" },
    issues = { enabled = true },
    redact_query_string = true,
  },
  placement = { mode = "targeted", region = "aws:us-east-1" },
  tags = json.array { "b", "a" },
  tail_consumers = json.array { { service = "tail", environment = "live", namespace = "n" } },
  usage_model = "unbound",
  cache_options = { enabled = true, cross_version_cache = false },
  streaming_tail_consumers = json.array { { service = "stream" } },
  annotations = { ["workers/message"] = "first", ["workers/tag"] = "v1" },
}

local OTHER = {
  bindings = json.array { { name = "AI", type = "ai" } },
  compatibility_date = "2026-02-02",
  compatibility_flags = json.array {},
  limits = { cpu_ms = 10 },
  logpush = false,
  observability = { enabled = false },
  placement = { mode = "targeted", target = json.array { { hostname = "db.example.com" } } },
  tags = json.array { "c" },
  tail_consumers = json.array {},
  usage_model = "bundled",
  cache_options = { enabled = false },
  streaming_tail_consumers = json.array {},
  annotations = { ["workers/message"] = "second" },
}

local NEVER_SET = {
  bindings = json.array {},
  compatibility_date = "2021-11-02",
  compatibility_flags = json.array {},
  limits = {},
  logpush = false,
  migrations = json.null,
  observability = { enabled = false },
  placement = {},
  tags = json.array {},
  tail_consumers = json.null,
  usage_model = "standard",
}

-- Settings that a script has whatever its version; all others belong to a version.
local OF_SCRIPT = { logpush = true, observability = true, tags = true, tail_consumers = true,
  streaming_tail_consumers = true }

local function copy(value) return json.decode(json.encode(value), { nulls = true }) end

local function sorted_names(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return names
end

describe("settings", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)
  before_each(function () server:api("DELETE", SCRIPT) end)

  local function put(metadata) return ok(server:put(SCRIPT, copy(metadata or {}))) end
  local function get() return ok(server:api("GET", SETTINGS)) end
  local function details() return ok(server:api("GET", SCRIPT)).script end

  local function form(text, name)
    return { form = { { name = name or "settings", content = text } } }
  end

  local function try_patch(patch)
    return server:api("PATCH", SETTINGS, form(json.encode(patch)))
  end

  local function patch(fields) return ok(try_patch(fields)) end

  local function state()
    return server.platform.store:find_state(support.ACCOUNT, "prod", "a")
  end

  -- JSON texts tell `[]` from `{}`, and show where two values differ.
  local function assert_same(expected, got)
    assert.equal(json.encode(expected), json.encode(got))
  end

  describe("that were never set", function ()
    it("are their defaults, with migrations of null", function ()
      put()
      assert_same(NEVER_SET, get())
    end)
  end)

  describe("that an upload sets", function ()
    it("are read as they were sent, every leaf", function ()
      put(ONE)
      local shown = get()
      for name, value in pairs(ONE) do assert_same(value, shown[name]) end
      assert.equal(json.null, shown.migrations)
    end)
  end)

  describe("that a patch sets", function ()
    for _, name in ipairs(sorted_names(ONE)) do
      it(("are read as they were sent, and all but %s is as it was"):format(name), function ()
        put(ONE)
        local expected = get()
        expected[name] = OTHER[name]
        assert_same(expected, patch { [name] = OTHER[name] })
        assert_same(expected, get())
      end)

      it(("are %s of nothing before, too"):format(name), function ()
        put()
        local expected = copy(NEVER_SET)
        expected[name] = ONE[name]
        assert_same(expected, patch { [name] = ONE[name] })
        assert_same(expected, get())
      end)

      if name ~= "bindings" then
        it(("are %s back at its default after null"):format(name), function ()
          put(ONE)
          local expected = get()
          expected[name] = NEVER_SET[name]
          assert_same(expected, patch { [name] = json.null })
        end)
      end

      local makes = OF_SCRIPT[name] and "make no version" or "make one version"
      it(("%s for another %s, and none for the same"):format(makes, name), function ()
        put(ONE)
        local number, before = state().number, details()
        patch { [name] = ONE[name] }
        assert.equal(number, state().number)
        patch { [name] = OTHER[name] }
        assert.equal(number + (OF_SCRIPT[name] and 0 or 1), state().number)
        assert.equal(before.etag, details().etag)
        assert.are_not.equal(before.modified_on, details().modified_on)
      end)
    end

    it("are replaced as a whole, not merged inside", function ()
      put(ONE)
      assert_same({ enabled = true }, patch({ observability = { enabled = true } }).observability)
      assert_same({ subrequests = 9 }, patch({ limits = { subrequests = 9 } }).limits)
    end)

    it("show in the script's details and in lists of it", function ()
      put(ONE)
      patch { compatibility_date = "2026-03-03", logpush = false, tags = json.array { "new" } }
      local shown = details()
      assert.equal("2026-03-03", shown.compatibility_date)
      assert.is_false(shown.logpush)
      assert_same({ "new" }, { table.unpack(shown.tags) })
      assert.equal(1, #ok(server:api("GET", "/prod/scripts?tags=new:yes")))
      assert.equal(0, #ok(server:api("GET", "/prod/scripts?tags=a:yes")))
    end)

    it("keep the code, with its handlers", function ()
      put(ONE)
      local before = server:api("GET", SCRIPT .. "/content").body:gsub("\r\n", "\n")
      patch(OTHER)
      local after = server:api("GET", SCRIPT .. "/content").body:gsub("\r\n", "\n")
      assert.truthy(before:find(support.SOURCE, 1, true) and after:find(support.SOURCE, 1, true))
      assert.equal("fetch", details().handlers[1])
    end)

    it("may be all that were read, which changes nothing", function ()
      put(ONE)
      ok(server:api("PUT", SCRIPT .. "/secrets", { json = { name = "KEY", text = "a-value" } }))
      local before, number = get(), state().number
      assert_same(before, patch(before))
      assert.equal(number, state().number)
      assert.is_string(state().secrets.KEY)
    end)
  end)

  describe("of an empty patch, or one of other fields,", function ()
    it("stay as they are, and so does the time of change", function ()
      put(ONE)
      local before, shown = details(), get()
      for _, fields in ipairs { {}, { keep_assets = true }, { main_module = "x.js" },
        { from_the_future = { 1 } }, { bindings = json.null, migrations = json.null } } do
        assert_same(shown, patch(fields))
      end
      patch { keep_assets = true, assets = { config = {} } }
      assert.equal(before.etag, details().etag)
      assert_same(shown, get())
    end)
  end)

  describe("for placement", function ()
    it("report the status of a smart one, and take it back", function ()
      put { placement = { mode = "smart" } }
      local shown = get().placement
      assert_same({ mode = "smart", status = "INSUFFICIENT_INVOCATIONS" }, shown)
      local number = state().number
      assert_same(shown, patch({ placement = shown }).placement)
      assert.equal(number, state().number)
      assert_same({}, patch({ placement = {} }).placement)
    end)
  end)

  describe("for migrations", function ()
    it("are applied, and move the tag that the script has", function ()
      put()
      assert.is_nil(get().migration_tag)
      local shown = patch { migrations = { new_tag = "v1", steps = json.array {
        { new_sqlite_classes = json.array { "Room" } } } } }
      assert.equal(json.null, shown.migrations)
      assert.equal("v1", shown.migration_tag)
      assert.equal("v1", details().migration_tag)
    end)

    it("are refused from the wrong tag, and for a class that is there", function ()
      put { migrations = { new_tag = "v1", new_classes = json.array { "Room" } } }
      local entry = refused(try_patch { migrations = { new_tag = "v2" } }, 412, 10079)[1]
      assert.equal("Migration tag precondition failed; current tag is 'v1'", entry.message)
      entry = refused(try_patch { migrations = { old_tag = "v1", new_tag = "v2",
        new_classes = json.array { "Room" } } }, 400, 10074)[1]
      assert.truthy(entry.message:find("class 'Room'", 1, true))
      assert.equal("v1", details().migration_tag)
    end)

    it("or for exports, not both", function ()
      put()
      refused(try_patch { migrations = { new_tag = "v1" }, exports = {} }, 400, 10021)
    end)
  end)

  describe("for exports", function ()
    it("show the live ones, and an empty reconciliation", function ()
      put()
      assert.is_nil(get().exports)
      assert.is_nil(get().exports_reconciliation)
      for _, shown in ipairs { patch { exports = {
        Room = { type = "durable-object", storage = "sqlite" },
        Old = { type = "durable-object", state = "renamed", renamed_to = "Room" },
      } }, get() } do
        assert_same({ Room = { type = "durable-object", storage = "sqlite" } }, shown.exports)
        for _, list in ipairs { "created", "updated", "deleted", "renamed", "transferred",
          "transfer_pending", "removable_entries", "info", "warnings" } do
          assert.is_true(json.is_array(shown.exports_reconciliation[list]), list)
          assert.equal(0, #shown.exports_reconciliation[list])
        end
      end
      assert.is_table(details().exports.Room)
      assert.is_nil(patch({ exports = json.null }).exports)
    end)
  end)

  describe("in a body", function ()
    local TEXT = '{"logpush":true}'
    before_each(function () put() end)

    local function send(content_type, body)
      return server:api("PATCH", SETTINGS, { body = body,
        headers = { ["content-type"] = content_type } })
    end

    it("are the part `settings` of a form, or `metadata`", function ()
      for _, name in ipairs { "settings", "metadata" } do
        assert.is_true(ok(server:api("PATCH", SETTINGS, form(TEXT, name))).logpush)
        patch { logpush = false }
      end
      assert.is_true(ok(server:api("PATCH", SETTINGS, { form = {
        { name = "metadata", content = "{}" },
        { name = "settings", filename = "s.json", content_type = "application/json",
          content = TEXT } } })).logpush)
    end)

    it("are JSON, bare or under `settings`", function ()
      assert.is_true(ok(send("application/json; charset=utf-8", TEXT)).logpush)
      assert.is_false(ok(send("application/json", '{"settings":{"logpush":false}}')).logpush)
    end)

    it("of another type are refused", function ()
      for _, content_type in ipairs { "text/plain", "application/javascript",
        "application/merge-patch+json", "application/x-www-form-urlencoded" } do
        refused(send(content_type, TEXT), 415, 10001)
      end
      refused(server:api("PATCH", SETTINGS, { body = TEXT }), 415, 10001)
    end)

    it("that cannot be read are refused", function ()
      local entry = refused(server:api("PATCH", SETTINGS, form "{"), 400, 10026)[1]
      assert.equal("/settings", entry.source.pointer)
      refused(send("application/json", "{"), 400, 10026)
      refused(send("multipart/form-data", TEXT), 400, 10026)
      for _, text in ipairs { "[]", "3", '"x"', "null" } do
        refused(server:api("PATCH", SETTINGS, form(text)), 400, 10021)
        refused(send("application/json", '{"settings":' .. text .. "}"), 400, 10021)
      end
    end)

    it("need their part, once", function ()
      for _, parts in ipairs {
        { { name = "other", content = TEXT } },
        { { name = "settings", content = TEXT }, { name = "settings", content = TEXT } },
      } do
        local entry = refused(server:api("PATCH", SETTINGS, { form = parts }), 400, 10021)[1]
        assert.equal("/settings", entry.source.pointer)
      end
    end)

    it("that flatten them into fields are refused", function ()
      local entry = refused(server:api("PATCH", SETTINGS, { form = {
        { name = "settings[logpush]", content = "true" },
        { name = "settings[tags][]", content = "a" } } }), 400, 10021)[1]
      assert.equal("/settings", entry.source.pointer)
      assert.truthy(entry.message:find("`settings`", 1, true))
    end)
  end)

  describe("of no script", function ()
    it("are 10007, and 100119 in no namespace, before the body is looked at", function ()
      for _, method in ipairs { "GET", "PATCH" } do
        local options = method == "PATCH" and form "{" or nil
        refused(server:api(method, "/prod/scripts/none/settings", options), 404, 10007)
        refused(server:api(method, "/none/scripts/a/settings", options), 404, 100119)
      end
    end)
  end)
end)
