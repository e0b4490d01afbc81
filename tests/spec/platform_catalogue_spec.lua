-- The catalogue of binding types, contract §13: every type goes in by an upload and by a patch of
-- settings, and comes out of bindings and settings as it was sent.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"
local types = require "moonherd.platform.binding_types"

local ok, refused, file = support.ok, support.refused, support.file
local SCRIPT = "/prod/scripts/a"

local function list(...) return json.array { ... } end

-- One binding of each type with all its fields, by type. `name` and `type` are added.
local CATALOGUE = {
  agent_memory = { namespace = "memories" },
  ai = { staging = true, raw = false },
  ai_search = { instance_name = "docs", namespace = "default" },
  ai_search_namespace = { namespace = "default" },
  analytics_engine = { dataset = "events" },
  artifacts = { namespace = "builds" },
  browser = { raw = true },
  d1 = { database_id = "8f5e2a36-0000-4000-8000-000000000000" },
  data_blob = { part = "bytes" },
  dispatch_namespace = { namespace = "prod", outbound = {
    params = list { name = "tenant" },
    worker = { service = "gate", environment = "live", entrypoint = "Out" } } },
  durable_object_namespace = { class_name = "Room", script_name = "rooms", environment = "live",
    namespace_id = "1", dispatch_namespace = "prod" },
  flagship = { app_id = "7" },
  hyperdrive = { id = "9" },
  images = { raw = true },
  json = { json = { list = list(1, json.null, list()), object = {}, number = 0.1 } },
  k2 = { stream = "s" },
  kv_namespace = { namespace_id = "0f2ac74b498b48028cb68387c421e279" },
  logfwdr = { destination = "logs" },
  media = {},
  messaging = { namespace = "m" },
  mtls_certificate = { certificate_id = "c" },
  pipelines = { pipeline = "p", stream = "s" },
  plain_text = { text = "" },
  queue = { queue_name = "jobs", delivery_delay = 5 },
  r2_bucket = { bucket_name = "files", jurisdiction = "fedramp-high" },
  ratelimit = { namespace_id = "1001",
    simple = { limit = 100, period = 60, mitigation_timeout = 120 } },
  secrets_store_secret = { store_id = "s", secret_name = "TOKEN" },
  send_email = { destination_address = "a@example.com",
    allowed_destination_addresses = list "a@example.com", allowed_sender_addresses = list() },
  service = { service = "api", environment = "live", entrypoint = "Api", props = { a = 1 },
    cross_account_grant = "g" },
  stream = {},
  tail_consumer = { service = "tail" },
  text_blob = { part = "text" },
  unsafe_hello_world = { enable_timer = true },
  vectorize = { index_name = "vectors" },
  version_metadata = {},
  vpc_network = { network_id = "n", identity = "runtime-email-alpha" },
  vpc_service = { service_id = "v" },
  wasm_module = { part = "wasm" },
  websearch = {},
  worker_loader = {},
  workflow = { workflow_name = "orders", class_name = "Orders", script_name = "flows" },
  from_the_future = { anything = { at = list "all" }, none = json.null, text = "shown" },
}

-- Those whose reads are not what was written: secrets, what only stands for another binding, and
-- what needs assets.
local ELSEWHERE = { secret_text = true, secret_key = true, inherit = true, assets = true }

local PARTS = { file("index.js", "addEventListener('fetch', f)", "application/javascript"),
  file("wasm", "\0asm", "application/wasm"), file("text", "hello", "text/plain"),
  file("bytes", "\1\2", "application/octet-stream") }

local function catalogue()
  local bindings = json.array {}
  for type_name, fields in pairs(CATALOGUE) do
    local binding = { name = type_name:upper(), type = type_name }
    for field, value in pairs(fields) do binding[field] = value end
    bindings[#bindings + 1] = binding
  end
  table.sort(bindings, function (a, b) return a.name < b.name end)
  return bindings
end

describe("the catalogue of bindings", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)
  before_each(function () server:api("DELETE", SCRIPT) end)

  local function put(bindings, parts)
    return server:put(SCRIPT, { body_part = "index.js", bindings = bindings }, parts or PARTS)
  end

  local function patch(bindings)
    return server:api("PATCH", SCRIPT .. "/settings", { json = { bindings = bindings } })
  end

  local function shown()
    local bindings = ok(server:api("GET", SCRIPT .. "/bindings"))
    local settings = ok(server:api("GET", SCRIPT .. "/settings"))
    assert.equal(json.encode(bindings), json.encode(settings.bindings))
    return json.encode(bindings)
  end

  it("is complete", function ()
    for type_name in pairs(types) do
      assert.truthy(CATALOGUE[type_name] or ELSEWHERE[type_name], type_name)
    end
    for type_name in pairs(CATALOGUE) do
      assert.truthy(types[type_name] or type_name == "from_the_future", type_name)
    end
  end)

  it("passes through an upload unchanged", function ()
    ok(put(catalogue()))
    assert.equal(json.encode(catalogue()), shown())
  end)

  it("passes through a patch unchanged", function ()
    local parts = list({ name = "T", type = "text_blob", part = "text" },
      { name = "W", type = "wasm_module", part = "wasm" },
      { name = "D", type = "data_blob", part = "bytes" })
    ok(put(parts))
    ok(patch(catalogue()))
    assert.equal(json.encode(catalogue()), shown())
  end)

  it("is inherited unchanged, by an upload and by a patch", function ()
    ok(put(catalogue()))
    local inherit = json.array {}
    for i, binding in ipairs(catalogue()) do
      inherit[i] = { name = binding.name, type = "inherit" }
    end
    ok(server:put(SCRIPT, { bindings = inherit }, {}, "?bindings_inherit=strict"))
    assert.equal(json.encode(catalogue()), shown())
    ok(patch(inherit))
    assert.equal(json.encode(catalogue()), shown())
  end)

  it("is kept by type, but for what is not in it", function ()
    ok(put(catalogue()))
    local keep = json.array {}
    for type_name in pairs(CATALOGUE) do
      if type_name ~= "from_the_future" then keep[#keep + 1] = type_name end
    end
    ok(server:put(SCRIPT, { keep_bindings = keep }, {}))
    assert.equal(#catalogue() - 1, #json.decode(shown()))
  end)

  it("calls a database by `database_id`, whatever the request called it", function ()
    ok(put(list { name = "DB", type = "d1", id = "7" }))
    assert.equal('[{"database_id":"7","name":"DB","type":"d1"}]', shown())
    ok(patch(list { name = "DB", type = "d1", id = "8" }))
    assert.equal('[{"database_id":"8","name":"DB","type":"d1"}]', shown())
  end)

  for type_name, fields in pairs(types) do
    for field in pairs(fields) do
      it(("needs the `%s` of a %s, which may not be null"):format(field, type_name), function ()
        local binding = { name = "A", type = type_name, algorithm = {}, format = "raw",
          usages = list "sign", key_base64 = "aa" }
        for known, value in pairs(CATALOGUE[type_name] or {}) do binding[known] = value end
        for known in pairs(fields) do
          if binding[known] == nil then binding[known] = "x" end
        end
        local function refuse()
          local errors = refused(put(list(binding)), 400, 10021)
          assert.equal("/bindings/0/" .. field, errors[1].source.pointer)
        end
        binding[field] = nil
        refuse()
        binding[field] = json.null
        if field ~= "json" then refuse() end
      end)
    end
  end
end)
