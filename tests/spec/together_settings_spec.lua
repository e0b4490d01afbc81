-- Settings and secrets, from the client to the embedded platform and back.
local moonherd = require "moonherd"

local CODE = "export default { fetch() { return new Response('hi') } }"

-- Every setting there is, each with a value that is not its default.
local function everything()
  return {
    bindings = {
      { name = "KEY", type = "secret_text", text = "swordfish" },
      { name = "PLAN", type = "plain_text", text = "free" },
    },
    compatibility_date = "2026-10-01", compatibility_flags = { "nodejs_compat" },
    usage_model = "bundled", limits = { cpu_ms = 50, subrequests = 20 }, logpush = true,
    observability = {
      enabled = true, head_sampling_rate = 0.5, redact_query_string = true,
      issues = { enabled = true },
      logs = { enabled = true, invocation_logs = true, head_sampling_rate = 0.25,
        destinations = { "a" }, persist = false },
      traces = { enabled = true, head_sampling_rate = 0.75, destinations = { "b" },
        persist = false, propagation_policy = "accept" },
    },
    placement = { region = "aws:us-east-1" }, tags = { "customer:1", "plan:free" },
    tail_consumers = { { service = "tail", environment = "e", namespace = "n" } },
    streaming_tail_consumers = { { service = "stream", environment = "e", namespace = "n" } },
    cache_options = { enabled = true, cross_version_cache = true },
    annotations = { ["workers/message"] = "first", ["workers/tag"] = "v1" },
    exports = { Counter = { type = "durable-object", storage = "sqlite" } },
  }
end

-- path, another value
local LEAVES = {
  { "compatibility_date", "2026-10-02" },
  { "compatibility_flags", { "nodejs_compat", "global_navigator" } },
  { "usage_model", "standard" },
  { "limits.cpu_ms", 60 },
  { "limits.subrequests", 30 },
  { "logpush", false },
  { "observability.enabled", false },
  { "observability.head_sampling_rate", 1 },
  { "observability.redact_query_string", false },
  { "observability.issues.enabled", false },
  { "observability.logs.enabled", false },
  { "observability.logs.invocation_logs", false },
  { "observability.logs.head_sampling_rate", 0 },
  { "observability.logs.destinations", { "c", "d" } },
  { "observability.logs.persist", true },
  { "observability.traces.enabled", false },
  { "observability.traces.head_sampling_rate", 0.125 },
  { "observability.traces.destinations", {} },
  { "observability.traces.persist", true },
  { "observability.traces.propagation_policy", "authenticated" },
  { "placement", { hostname = "db.example.com" } },
  { "placement", { mode = "targeted", host = "db.example.com:5432" } },
  { "placement", { mode = "targeted", target = { { region = "aws:eu-west-1" } } } },
  { "placement", { mode = "smart" } },
  { "tags", { "customer:2" } },
  { "tail_consumers", { { service = "other", environment = "e", namespace = "n" } } },
  { "tail_consumers", { { service = "tail", environment = "other", namespace = "n" } } },
  { "tail_consumers", { { service = "tail", environment = "e", namespace = "other" } } },
  { "streaming_tail_consumers", { { service = "other" } } },
  { "cache_options.enabled", false },
  { "cache_options.cross_version_cache", false },
  { "annotations", { ["workers/message"] = "second", ["workers/tag"] = "v2" } },
  { "exports", { Counter = { type = "durable-object", storage = "legacy-kv" } } },
}

local function set(object, path, value)
  local parent, name = path:match "^(.*)%.([^.]+)$"
  for step in (parent or ""):gmatch "[^.]+" do
    object[step] = object[step] or {}
    object = object[step]
  end
  object[name or path] = value
end

describe("the client and the embedded platform agree on", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local ns, script
  local count = 0

  setup(function ()
    -- The platform holds its state until the program ends: it stays where the build is.
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    ns = moonherd.connect { target = "local", state = state }:ensure_namespace "settings"
  end)

  before_each(function ()
    count = count + 1
    script = ns:script("shop-" .. count)
  end)

  local function upload(more)
    local spec = { modules = { ["a.mjs"] = CODE }, compatibility_date = "2026-10-01" }
    for key, value in pairs(more or {}) do spec[key] = value end
    return script:upload(spec)
  end

  -- The settings as they were sent: without what reads add.
  local function settings()
    local now = script:settings()
    now.exports_reconciliation, now.migration_tag = nil, nil
    if now.exports then now.exports.Counter.state = nil end
    now.placement.status = nil
    return now
  end

  local function names_of(list)
    local names = {}
    for i, item in ipairs(list) do names[i] = item.name end
    table.sort(names)
    return names
  end

  describe("settings", function ()
    it("that are all set by one upload, and read", function ()
      upload(everything())
      local expected = everything()
      expected.bindings[1].text = nil
      assert.are.same(expected, settings())
    end)

    it("that were never set", function ()
      upload()
      assert.are.same({
        bindings = {}, compatibility_date = "2026-10-01", compatibility_flags = {}, limits = {},
        logpush = false, observability = { enabled = false }, placement = {}, tags = {},
        usage_model = "standard",
      }, settings())
    end)

    for _, leaf in ipairs(LEAVES) do
      local path, value = table.unpack(leaf)
      it("of which only " .. path .. " is changed", function ()
        upload(everything())
        local expected, changes = settings(), {}
        set(expected, path, value)
        set(changes, path, value)
        script:patch_settings(changes)
        assert.are.same(expected, settings())
      end)
    end

    it("of which migrations are sent and never read", function ()
      upload { migrations = { new_tag = "v1", new_classes = { "A" } } }
      local before = settings()
      script:patch_settings { migrations = { old_tag = "v1", new_tag = "v2",
        steps = { { new_sqlite_classes = { "B" } },
          { renamed_classes = { { from = "A", to = "C" } }, deleted_classes = { "B" } } } } }
      assert.are.equal("v2", script:details().script.migration_tag)
      assert.are.same(before, settings())
      local _, err = moonherd.try(script.patch_settings, script, { migrations = {
        old_tag = "v1", new_tag = "v3", new_classes = { "D" } } })
      assert.are.same({ "migration_conflict", 412, "/migrations/old_tag" },
        { err.reason, err.status, err.errors[1].source.pointer })
    end)

    it("of which one binding is changed, added or removed", function ()
      upload(everything())
      script:patch_settings { bindings = { PLAN = "pro", NEW = { type = "json", json = { 1 } } } }
      assert.are.same({
        { name = "KEY", type = "secret_text" },
        { name = "PLAN", type = "plain_text", text = "pro" },
        { name = "NEW", type = "json", json = { 1 } },
      }, script:bindings())
      script:patch_settings { bindings = { PLAN = moonherd.null } }
      assert.are.same({ "KEY", "NEW" }, names_of(script:bindings()))
      script:patch_settings { bindings = { NEW = "x" }, replace = true }
      assert.are.same({ "NEW" }, names_of(script:bindings()))
    end)

    it("that are given back as they were read", function ()
      upload(everything())
      local before = script:settings()
      script:patch_settings(before)
      before.requests = nil
      assert.are.same(before, script:settings())
    end)

    it("that lose a member, or all of them", function ()
      upload(everything())
      script:patch_settings { limits = { cpu_ms = moonherd.null },
        observability = { traces = moonherd.null }, tail_consumers = moonherd.null }
      local now = settings()
      assert.are.same({ subrequests = 20 }, now.limits)
      assert.is_nil(now.observability.traces)
      assert.is_nil(now.tail_consumers)
      assert.is_true(now.observability.logs.enabled)
    end)
  end)

  describe("secrets", function ()
    local KEY = { type = "secret_text", text = "swordfish" }

    it("that survive everything that does not name them", function ()
      upload { bindings = { KEY = KEY, PLAN = "free" } }
      script:put_secret("SIGN", { algorithm = { name = "HMAC", hash = "SHA-256" }, format = "raw",
        usages = { "sign" }, key_base64 = "c3dvcmRmaXNo" })
      local both = { "KEY", "SIGN" }
      assert.are.same(both, names_of(script:secrets()))
      upload()
      assert.are.same(both, names_of(script:secrets()))
      script:patch_settings { bindings = { PLAN = "pro" }, logpush = true }
      assert.are.same(both, names_of(script:secrets()))
      script:put_content { modules = { ["b.mjs"] = CODE } }
      assert.are.same(both, names_of(script:secrets()))
      upload { bindings = script:bindings() }
      assert.are.same({ "KEY", "PLAN", "SIGN" }, names_of(script:bindings()))
      upload { bindings = moonherd.inherit }
      assert.are.same({ "KEY", "PLAN", "SIGN" }, names_of(script:bindings()))
    end)

    it("that are set and deleted together", function ()
      upload()
      local changed = script:put_secrets { A = "swordfish-a", B = "swordfish-b" }
      assert.are.same({ name = "A", type = "secret_text" }, changed.A)
      script:put_secrets { A = moonherd.null, C = "swordfish-c" }
      assert.are.same({ "B", "C" }, names_of(script:secrets()))
      script:delete_secret "B"
      assert.are.same({ { name = "C", type = "secret_text" } }, script:secrets())
    end)

    it("that have odd names", function ()
      upload()
      script:put_secret("a/b c", "swordfish")
      assert.are.same({ name = "a/b c", type = "secret_text" }, script:secret "a/b c")
      script:delete_secret "a/b c"
      assert.are.same({}, script:secrets())
    end)

    it("that are missing", function ()
      local function reason(f, ...)
        local result, err = moonherd.try(f, ...)
        return result == nil and err.reason or "none"
      end
      assert.are.equal("script_not_found", reason(script.put_secret, script, "KEY", "swordfish"))
      assert.are.equal("script_not_found", reason(script.settings, script))
      upload { bindings = { PLAN = "free" } }
      assert.are.equal("binding_not_found", reason(script.secret, script, "KEY"))
      assert.are.equal("binding_not_found", reason(script.delete_secret, script, "KEY"))
      assert.are.equal("binding_name_taken", reason(script.put_secret, script, "PLAN", "swordfish"))
    end)
  end)

  describe("a dry run", function ()
    local function changes(result)
      local list = {}
      for _, entry in ipairs(result.diff) do
        if entry.change ~= "keep" then list[#list + 1] = entry.change .. " " .. entry.path end
      end
      return list
    end

    it("of a script that is not there", function ()
      local result = upload { dry_run = true }
      assert.are.same({ false, 1 }, { result.exists, result.requests })
      assert.is_false(script:exists())
    end)

    it("of what was just uploaded: nothing would change", function ()
      local spec = everything()
      upload(spec)
      spec.dry_run = true
      spec.bindings = script:bindings()
      local result = upload(spec)
      assert.are.same({}, changes(result))
      assert.is_truthy(result.text:find "would stay as it is")
    end)

    it("of service-worker code, under a name of its own", function ()
      local spec = { script = "addEventListener('fetch', () => {})", body_part = "index.js",
        compatibility_date = "2026-10-01" }
      script:upload(spec)
      spec.dry_run = true
      assert.are.same({}, changes(script:upload(spec)))
    end)

    it("that says what the upload then does", function ()
      upload(everything())
      local spec = { bindings = { NEW = "n" }, dry_run = true }
      assert.are.same("remove bindings.PLAN", changes(upload(spec))[1])
      spec.dry_run = nil
      upload(spec)
      assert.are.same({ "KEY", "NEW" }, names_of(script:bindings()))
      assert.are.same({ "customer:1", "plan:free" }, script:settings().tags)
    end)
  end)
end)
