-- Bad input to uploads and to patches of settings: each gets the code and the status it has in
-- contract §1.6, and names the place.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused = support.ok, support.refused
local SCRIPT = "/prod/scripts/a"

-- One value of each kind of JSON.
local KINDS = {
  string = '"x"', number = "1.5", integer = "7", boolean = "true", object = '{"x":1}',
  array = '["x"]',
}

-- Places of an upload and a patch: a JSON pointer, what stands there (`%s` is the value), and the
-- kinds of value that fit. Where none does, only some strings or numbers do.
local FIELDS = {
  { "/compatibility_date", "%s", {} },
  { "/compatibility_flags", "%s", { "array" } },
  { "/compatibility_flags/0", "[%s]", { "string" } },
  { "/usage_model", "%s", {} },
  { "/limits", "%s", { "object" } },
  { "/limits/cpu_ms", '{"cpu_ms":%s}', { "integer" } },
  { "/limits/subrequests", '{"subrequests":%s}', { "integer" } },
  { "/logpush", "%s", { "boolean" } },
  { "/tags", "%s", { "array" } },
  { "/tags/1", '["a",%s]', { "string" } },
  { "/tail_consumers", "%s", { "array" } },
  { "/tail_consumers/0", "[%s]", {} },
  { "/tail_consumers/0/service", '[{"service":%s}]', { "string" } },
  { "/tail_consumers/0/environment", '[{"service":"s","environment":%s}]', { "string" } },
  { "/tail_consumers/0/namespace", '[{"service":"s","namespace":%s}]', { "string" } },
  { "/streaming_tail_consumers", "%s", { "array" } },
  { "/observability", "%s", { "object" } },
  { "/observability/enabled", '{"enabled":%s}', { "boolean" } },
  { "/observability/head_sampling_rate", '{"head_sampling_rate":%s}', {} },
  { "/observability/redact_query_string", '{"redact_query_string":%s}', { "boolean" } },
  { "/observability/issues", '{"issues":%s}', { "object" } },
  { "/observability/issues/enabled", '{"issues":{"enabled":%s}}', { "boolean" } },
  { "/observability/logs", '{"logs":%s}', { "object" } },
  { "/observability/logs/enabled", '{"logs":{"enabled":%s}}', { "boolean" } },
  { "/observability/logs/invocation_logs", '{"logs":{"invocation_logs":%s}}', { "boolean" } },
  { "/observability/logs/head_sampling_rate", '{"logs":{"head_sampling_rate":%s}}', {} },
  { "/observability/logs/destinations", '{"logs":{"destinations":%s}}', { "array" } },
  { "/observability/logs/persist", '{"logs":{"persist":%s}}', { "boolean" } },
  { "/observability/traces", '{"traces":%s}', { "object" } },
  { "/observability/traces/propagation_policy", '{"traces":{"propagation_policy":%s}}', {} },
  { "/placement", "%s", { "object" } },
  { "/placement/mode", '{"mode":%s}', {} },
  { "/placement/region", '{"region":%s}', { "string" } },
  { "/placement/hostname", '{"hostname":%s}', { "string" } },
  { "/placement/host", '{"host":%s}', { "string" } },
  { "/placement/target", '{"target":%s}', { "array" } },
  { "/migrations", "%s", { "object" } },
  { "/migrations/new_tag", '{"new_tag":%s}', { "string" } },
  { "/migrations/old_tag", '{"old_tag":%s}', { "string" } },
  { "/migrations/new_classes", '{"new_classes":%s}', { "array" } },
  { "/migrations/new_sqlite_classes", '{"new_sqlite_classes":%s}', { "array" } },
  { "/migrations/deleted_classes/0", '{"deleted_classes":[%s]}', { "string" } },
  { "/migrations/renamed_classes/0/from", '{"renamed_classes":[{"to":"B","from":%s}]}',
    { "string" } },
  { "/migrations/transferred_classes/0/from_script",
    '{"transferred_classes":[{"from":"A","to":"B","from_script":%s}]}', { "string" } },
  { "/migrations/steps", '{"steps":%s}', { "array" } },
  { "/migrations/steps/0/new_classes", '{"steps":[{"new_classes":%s}]}', { "array" } },
  { "/exports", "%s", { "object" } },
  { "/exports/A~1b", '{"A/b":%s}', {} },
  { "/exports/A/type", '{"A":{"type":%s}}', { "string" } },
  { "/exports/A/state", '{"A":{"type":"worker","state":%s}}', {} },
  { "/exports/A/storage", '{"A":{"type":"durable-object","storage":%s}}', {} },
  { "/cache_options", "%s", { "object" } },
  { "/cache_options/enabled", '{"enabled":%s}', { "boolean" } },
  { "/cache_options/cross_version_cache", '{"cross_version_cache":%s}', { "boolean" } },
  { "/annotations", "%s", { "object" } },
  { "/annotations/workers~1message", '{"workers/message":%s}', { "string" } },
  { "/annotations/workers~1tag", '{"workers/tag":%s}', { "string" } },
  { "/bindings", "%s", { "array" } },
  { "/bindings/0", "[%s]", {}, code_of_object = 10052 },
  { "/bindings/0/name", '[{"type":"ai","name":%s}]', { "string" } },
  { "/bindings/0/type", '[{"name":"A","type":%s}]', { "string" } },
}

-- Those of uploads alone.
local UPLOAD_FIELDS = {
  { "/main_module", "%s", { "string" } },
  { "/body_part", "%s", { "string" } },
  { "/keep_bindings", "%s", { "array" } },
  { "/keep_bindings/0", "[%s]", {} },
  { "/assets", "%s", { "object" } },
  { "/assets/jwt", '{"jwt":%s}', {} },
  { "/assets/config", '{"config":%s}', { "object" } },
  { "/keep_assets", "%s", { "boolean" } },
  { "/package_dependencies", "%s", { "array" } },
  { "/containers", "%s", { "array" } },
}

-- Values of the right kind that are refused all the same.
local VALUES = {
  { "/compatibility_date", '{"compatibility_date":"2026-02-30"}' },
  { "/compatibility_date", '{"compatibility_date":"2026-1-1"}' },
  { "/observability/head_sampling_rate", '{"observability":{"head_sampling_rate":-0.1}}' },
  { "/observability/logs/head_sampling_rate",
    '{"observability":{"logs":{"head_sampling_rate":1.01}}}' },
  { "/placement/mode", '{"placement":{"mode":"fast"}}' },
  { "/placement/region", '{"placement":{"region":""}}' },
  { "/tail_consumers/0/service", '{"tail_consumers":[{"environment":"live"}]}' },
  { "/tags/0", '{"tags":[""]}' },
  { "/tags/0", '{"tags":["a,b"]}' },
  { "/tags/1", '{"tags":["a","a&b"]}' },
  { "/tags/0", ('{"tags":["%s"]}'):format(("x"):rep(1025)) },
  { "/annotations/workers~1message",
    ('{"annotations":{"workers/message":"%s"}}'):format(("x"):rep(101)) },
  { "/exports", '{"exports":{},"migrations":{"new_tag":"v1"}}' },
  { "/migrations/renamed_classes/0/to", '{"migrations":{"renamed_classes":[{"from":"A"}]}}' },
}

-- Bindings, with the codes they get and the places below the first.
local BINDINGS = {
  { 10052, "/name", { type = "ai" } },
  { 10052, "/name", { type = "ai", name = "" } },
  { 10052, "/name", { type = "ai", name = json.null } },
  { 10021, "/type", { name = "A" } },
  { 10021, "/type", { name = "A", type = "" } },
  { 10054, "", { name = "A", type = "plain_text", text = ("x"):rep(6 * 1024) } },
  { 10054, "", { name = "A", type = "json", json = { ("x"):rep(6 * 1024) } } },
  { 10054, "", { name = "A", type = "secret_text", text = ("x"):rep(6 * 1024) } },
  { 10021, "/simple/limit", { name = "A", type = "ratelimit", namespace_id = "1",
    simple = { period = 60 } } },
  { 10021, "/version_id", { name = "A", type = "inherit", version_id = "1" } },
  { 10021, "/old_name", { name = "A", type = "inherit", old_name = 5 } },
}

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do set[item] = true end
  return set
end

describe("bad input", function ()
  local server, before

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
    ok(server:put(SCRIPT))
    before = ok(server:api("GET", SCRIPT))
  end)
  teardown(function () server:close() end)

  local function upload(text)
    if text:find "^{" then text = text:gsub("^{", '{"main_module":"index.js",', 1) end
    return server:api("PUT", SCRIPT, {
      form = support.form(text, { support.file("index.js", support.SOURCE) }),
    })
  end

  local function patch(text)
    return server:api("PATCH", SCRIPT .. "/settings",
      { form = { { name = "settings", content = text } } })
  end

  -- Sends every kind of value that does not belong at a place.
  local function try(field, send)
    local pointer, around, allowed = table.unpack(field)
    local name, kinds = pointer:match "^/([^/]+)", set_of(allowed)
    for kind, value in pairs(KINDS) do
      if not kinds[kind] then
        local text = ('{"%s":%s}'):format(name, around:format(value))
        local code = kind == "object" and field.code_of_object or 10021
        local entry = refused(send(text), 400, code)[1]
        assert.equal(pointer, entry.source.pointer:sub(1, #pointer), text)
      end
    end
  end

  for _, field in ipairs(FIELDS) do
    it(("at %s is refused there, by an upload and a patch"):format(field[1]), function ()
      try(field, upload)
      try(field, patch)
    end)
  end

  for _, field in ipairs(UPLOAD_FIELDS) do
    it(("at %s is refused there by an upload"):format(field[1]), function ()
      try(field, upload)
    end)
  end

  for _, case in ipairs(VALUES) do
    it(("such as %s is refused"):format(case[2]:sub(1, 60)), function ()
      for _, send in ipairs { upload, patch } do
        assert.equal(case[1], refused(send(case[2]), 400, 10021)[1].source.pointer)
      end
    end)
  end

  for _, case in ipairs(BINDINGS) do
    local code, below, binding = table.unpack(case)

    it(("such as the binding %s is refused"):format(json.encode(binding):sub(1, 60)), function ()
      local text = json.encode { bindings = json.array { binding } }
      for _, send in ipairs { upload, patch } do
        assert.equal("/bindings/0" .. below, refused(send(text), 400, code)[1].source.pointer)
      end
    end)
  end

  it("such as a name for two bindings is refused", function ()
    local text = '{"bindings":[{"name":"A","type":"ai"},{"name":"A","type":"browser"}]}'
    for _, send in ipairs { upload, patch } do
      assert.equal("/bindings/1/name", refused(send(text), 400, 10053)[1].source.pointer)
    end
  end)

  it("such as 129 variables is refused", function ()
    local bindings = json.array {}
    for i = 1, 129 do
      local type_name = i % 2 == 0 and "plain_text" or "secret_text"
      bindings[i] = { name = "V" .. i, type = type_name, text = "a-value" }
    end
    for _, send in ipairs { upload, patch } do
      refused(send(json.encode { bindings = bindings }), 400, 10055)
    end
  end)

  it("such as eleven tags is refused", function ()
    local text = '{"tags":["1","2","3","4","5","6","7","8","9","10","11"]}'
    for _, send in ipairs { upload, patch } do
      assert.equal("/tags", refused(send(text), 403, 10021)[1].source.pointer)
    end
  end)

  it("such as a boolean for `keep_bindings` is told what is wanted", function ()
    local entry = refused(upload '{"keep_bindings":true}', 400, 10021)[1]
    assert.equal("/keep_bindings", entry.source.pointer)
    assert.equal('`keep_bindings` must be an array of binding types, such as ["secret_text"]',
      entry.message)
    entry = refused(upload '{"keep_bindings":["secret_text","secrets"]}', 400, 10021)[1]
    assert.equal("unknown type 'secrets'", entry.message)
  end)

  it("such as text that is no JSON, or no UTF-8, is refused", function ()
    for _, text in ipairs { "", "{", '{"logpush":tru}', "{'logpush':true}", '{"tags":["\xFF"]}',
      '{"a":"\1"}', "{} {}", ("["):rep(1000) } do
      refused(upload(text), 400, 10026)
      refused(patch(text), 400, 10026)
    end
  end)

  it("such as what is no object is refused", function ()
    for _, text in ipairs { "[]", "3", '"x"', "null", "true" } do
      refused(upload(text), 400, 10021)
      refused(patch(text), 400, 10021)
    end
  end)

  -- In the square of the length this would take longer than a test may.
  it("such as a path of 300 KB for the entry is refused at once", function ()
    refused(server:put(SCRIPT, { main_module = ("a"):rep(300000) .. "/" }), 400, 10021)
  end)

  it("leaves everything as it was", function ()
    assert.same(before, ok(server:api("GET", SCRIPT)))
  end)
end)

describe("odd input", function ()
  it("such as names that scripts cannot write is taken, with a warning", function ()
    local server = support.start()
    server:make_namespace "prod"
    local bindings = json.array {}
    for i, name in ipairs { "my-ai", "a/b", "..", "1st", "a b", "Ü", "a\0b", ("x"):rep(10240) } do
      bindings[i] = { name = name, type = "ai" }
    end
    local response = server:put(SCRIPT, { bindings = bindings })
    ok(response)
    assert.equal(#bindings - 1, #response.json.messages)
    assert.equal("/bindings/0/name", response.json.messages[1].source.pointer)
    local shown = ok(server:api("GET", SCRIPT .. "/bindings"))
    assert.equal(json.encode(bindings), json.encode(shown))
    server:close()
  end)
end)
