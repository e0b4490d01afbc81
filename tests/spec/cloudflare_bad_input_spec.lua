-- What an upload is given wrong is refused before anything is sent, and the message names the field
-- and what is allowed. Every field of the metadata is here; a field without a case fails.
local errors = require "moonherd.error"
local json = require "moonherd.json"
local metadata = require "moonherd.cloudflare.metadata"
local stand_in = require "tests.spec.support.stand_in"

local DATE = "2026-10-01"

-- A value of no type that any field takes; and where lists are taken, lists of wrong things.
local function anything() end

-- option = { a wrong value, what the message says, … }
local METADATA = {
  compatibility_date = { 20261001, "string expected, got number", "tomorrow", "a date like",
    "2026-02-30", "a date like" },
  compatibility_flags = { "nodejs_compat", "list of strings expected, got string",
    { 1 }, "list of strings", { x = "a" }, "list of strings" },
  usage_model = { true, "string expected", "fast", "values are standard, bundled, unbound" },
  limits = { 50, "table expected", { cpu_ms = "50" }, "'limits.cpu_ms' %(integer expected",
    { cpu_ms = 0 }, "at least 1", { cpu_ms = 1.5 }, "integer expected, got 1.5",
    { subrequests = true }, "'limits.subrequests'", { cpums = 5 }, "did you mean 'cpu_ms'" },
  logpush = { "yes", "boolean expected, got string" },
  tags = { "a", "list of strings expected", { 5 }, "list of strings" },
  tail_consumers = { "log", "table or null expected", { {} }, "tail_consumers%[%].service' is miss",
    { "log" }, "tail_consumers%[%]' %(table expected", { service = "log" }, "a list of tables",
    { { service = 5 } }, "string expected", { { service = "a", env = "b" } }, "unknown option" },
  streaming_tail_consumers = { 5, "table or null expected", { {} }, "service' is missing" },
  observability = { true, "table expected", { enabled = 1 }, "'observability.enabled'",
    { head_sampling_rate = 2 }, "a number from 0 to 1", { head_sampling_rate = "1" },
    "number or null expected", { redact_query_string = 1 }, "boolean expected",
    { issues = true }, "'observability.issues' %(table expected",
    { issues = { enabled = 1 } }, "'observability.issues.enabled'",
    { logs = { enabled = 1 } }, "'observability.logs.enabled'",
    { logs = { invocation_logs = 1 } }, "'observability.logs.invocation_logs'",
    { logs = { head_sampling_rate = -1 } }, "a number from 0 to 1",
    { logs = { destinations = "a" } }, "list of strings", { logs = { persist = 1 } }, "boolean",
    { traces = { enabled = 1 } }, "'observability.traces.enabled'",
    { traces = { head_sampling_rate = 9 } }, "a number from 0 to 1",
    { traces = { destinations = { 1 } } }, "list of strings", { traces = { persist = 1 } }, "bool",
    { traces = { propagation_policy = "all" } }, "authenticated, accept",
    { log = {} }, "did you mean 'logs'" },
  placement = { "smart", "table expected", { mode = "fast" }, "smart, targeted",
    { region = 1 }, "'placement.region'", { hostname = 1 }, "'placement.hostname'",
    { host = 1 }, "'placement.host'", { target = "a" }, "'placement.target'",
    { target = { { regio = "a" } } }, "did you mean 'region'", { hint = "x" }, "unknown option",
    { mode = "smart", region = "a" }, "smart placement takes no target",
    { region = "a", host = "b:1" }, "one of region, hostname, host, target",
    { mode = "targeted" }, "one of region, hostname, host, target" },
  migrations = { "v1", "table expected", { new_tag = 1 }, "'migrations.new_tag'",
    { old_tag = 1 }, "'migrations.old_tag'", { new_classes = "A" }, "list of strings",
    { new_sqlite_classes = { 1 } }, "list of strings", { deleted_classes = 1 }, "list of strings",
    { renamed_classes = { { from = "A" } } }, "renamed_classes%[%].to' is missing",
    { transferred_classes = { { from = "A", to = "B" } } }, "from_script' is missing",
    { steps = { { new_classes = "A" } } }, "steps%[%].new_classes'",
    { steps = { { new_class = {} } } }, "did you mean 'new_classes'",
    { new_clases = {} }, "did you mean 'new_classes'" },
  exports = { "A", "table expected", { A = {} }, "exports%[%].type' is missing",
    { A = { type = "class" } }, "worker, durable%-object",
    { A = { type = "worker", state = "new" } }, "created, deleted",
    { A = { type = "durable-object", storage = "kv" } }, "sqlite, legacy%-kv",
    { { type = "worker" } }, "a table by name" },
  keep_assets = { "yes", "boolean expected" },
  cache_options = { true, "table expected", { enabled = 1 }, "'cache_options.enabled'",
    { cross_version_cache = 1 }, "boolean expected", { ttl = 5 }, "unknown option" },
  annotations = { "x", "table expected", { ["workers/message"] = ("x"):rep(101) }, "100 bytes",
    { ["workers/tag"] = ("x"):rep(26) }, "25 bytes", { ["workers/tag"] = 5 }, "string expected",
    { message = "x" }, "options are workers/message, workers/tag" },
  package_dependencies = { "a", "table expected", { {} }, "name' is missing",
    { { name = 5 } }, "string expected", { { name = "a", version = "1" } }, "unknown option" },
  containers = { "a", "table expected", { { class_name = 5 } }, "string expected" },
  code_update_strategy = { "deferred", "table expected", { mode = 5 }, "string expected",
    { max_delay = "5" }, "number expected", { max_delay = -1 }, "at least 0" },
  capnp_schema = { 5, "string expected" },
}

-- What belongs to other Workers or to other tools: what to use instead.
local ELSEWHERE = {
  vars = "bindings = {NAME", env = "bindings = {NAME", secrets = "secret_text",
  crons = "no cron triggers", schedules = "no cron triggers", triggers = "no cron triggers",
  routes = "the dispatcher", route = "the dispatcher", custom_domains = "the dispatcher",
  workers_dev = "the dispatcher", main = "main_module", kv_namespaces = "kv_namespace",
  r2_buckets = "r2_bucket", d1_databases = "database_id", services = "service",
}

-- what is wrong, the options, what the message says
local OTHERS = {
  { "keep_bindings as a boolean", { keep_bindings = true },
    'it is a list of binding types: {"secret_text", "secret_key"}' },
  { "keep_bindings as text", { keep_bindings = "secret_text" }, "list of strings or boolean" },
  { "a type to keep that is none", { keep_bindings = { "secret_txt" } },
    "did you mean 'secret_text'?" },
  { "inherit as a type to keep", { keep_bindings = { "inherit" } }, "no type to keep" },
  { "an odd bindings_inherit", { bindings_inherit = "lax" }, "values are strict" },
  { "dry_run that is no boolean", { dry_run = 1 }, "'dry_run' (boolean expected" },
  { "bindings as text", { bindings = "A" }, "'bindings' (table expected" },
  { "a list of bindings with names", { bindings = { { name = "A", type = "ai" }, B = "b" } },
    "a list has no names, got 'B'" },
  { "main_module that is not there", { main_module = "b.mjs" }, "there is no module 'b.mjs'" },
  { "body_part that is not there", { body_part = "b.js" }, "there is no module 'b.js'" },
  { "a module of an unknown type", { modules = { ["a.mjs"] = "", ["a.xyz"] = "" } },
    "type of module 'a.xyz' is unknown" },
  { "a module without a name", { modules = { "code" } }, "a module needs a name" },
  { "a module with an empty name", { modules = { [""] = "code" } }, "a module needs a name" },
  { "a module with a control character", { modules = { ["a\n.mjs"] = "code" } }, "needs a name" },
  { "a module called metadata", { modules = { metadata = { content = "", type = "text/plain" } } },
    "the name 'metadata'" },
  { "a module that is a number", { modules = { ["a.mjs"] = 5 } }, "bytes or {content=, type=}" },
  { "modules as text", { modules = "code" }, "'modules' (table expected" },
  { "a module whose name is not UTF-8", { modules = { ["\xff.mjs"] = "" } }, "needs a name" },
  { "a message that is not UTF-8", { annotations = { ["workers/message"] = "\xff" } },
    'annotations["workers/message"]: invalid UTF-8' },
  { "a binding of 10 KB name", { bindings = { [("A"):rep(10240)] = "x" } }, "at most 255 bytes" },
  { "a binding named with a control character", { bindings = { ["A\n"] = "x" } }, "control" },
  { "a binding whose name is not UTF-8", { bindings = { ["A\xff"] = "x" } }, "not UTF-8" },
  { "an option that is none", { observabilty = {} }, "did you mean 'observability'" },
  { "an option without a name", { "a.mjs" }, "names are strings" },
  { "migrations and exports", { migrations = {}, exports = {} }, "two ways" },
}

-- what is wrong, the binding, what the message says
local BINDINGS = {
  { "a number", 5, 'type = "json", json = 5' },
  { "null", json.null, "leave the binding out" },
  { "no type", { text = "x" }, "'type' is missing" },
  { "a type that is a number", { type = 5 }, "'type' is missing" },
  { "a wrong type", { type = "kv_namespce" }, "did you mean 'kv_namespace'?" },
  { "an empty id", { type = "kv_namespace", namespace_id = "" }, "'namespace_id' is empty" },
  { "a long id", { type = "kv_namespace", namespace_id = ("x"):rep(33) }, "at most 32" },
  { "a null id", { type = "d1", id = json.null }, "'id' is a string, got null" },
  { "a text that is a number", { type = "plain_text", text = 5 }, "'text' is a string" },
  { "a secret that is a number", { type = "secret_text", text = 5 }, "'text' is a string" },
  { "a text that is not UTF-8", { type = "plain_text", text = "\xff" }, "'text' is not UTF-8" },
  { "json that cannot be", { type = "json", json = { f = anything } },
    "cannot be written as JSON" },
  { "a misspelt field", { type = "r2_bucket", bucket_name = "b", jurisdicton = "eu" },
    "unknown field 'jurisdicton' (did you mean 'jurisdiction'?)" },
  { "a version to inherit from", { type = "inherit", version_id = "1" }, "'latest' only" },
  { "an old name that is none", { type = "inherit", old_name = 5 }, "'old_name' is a string" },
  { "half a rate limit", { type = "ratelimit", namespace_id = "1", simple = { limit = 5 } },
    "{limit = N, period = seconds}" },
  { "two networks", { type = "vpc_network", network_id = "a", tunnel_id = "b" }, "two targets" },
  { "a part that is not there", { type = "wasm_module", part = "b.wasm" },
    "there is no module 'b.wasm'" },
  { "a key in no format", { type = "secret_key", algorithm = "x", usages = { "sign" },
    key_base64 = "eA==" }, "missing 'format'" },
  { "a key in an odd format", { type = "secret_key", algorithm = "x", format = "pem",
    usages = { "sign" }, key_base64 = "eA==" }, "raw, pkcs8, spki, jwk" },
  { "a key for nothing", { type = "secret_key", algorithm = "x", format = "raw", usages = {},
    key_base64 = "eA==" }, "'usages' is a list" },
  { "a key of the wrong kind", { type = "secret_key", algorithm = "x", format = "raw",
    usages = { "sign" }, key_jwk = { k = "eA" } }, "'key_base64', not 'key_jwk'" },
}

-- Each type with a required field: the field, or the first of two.
local REQUIRED = {
  ai_search = "instance_name", ai_search_namespace = "namespace", agent_memory = "namespace",
  analytics_engine = "dataset", artifacts = "namespace", d1 = "database_id",
  dispatch_namespace = "namespace", flagship = "app_id", hyperdrive = "id", json = "json",
  k2 = "stream", kv_namespace = "namespace_id", logfwdr = "destination", messaging = "namespace",
  mtls_certificate = "certificate_id", pipelines = "pipeline", plain_text = "text",
  queue = "queue_name", r2_bucket = "bucket_name", ratelimit = "namespace_id",
  secrets_store_secret = "store_id", service = "service", tail_consumer = "service",
  vectorize = "index_name", vpc_network = "network_id", vpc_service = "service_id",
  workflow = "workflow_name",
}

-- All that needs nothing but its type.
local BARE = {
  "ai", "assets", "browser", "durable_object_namespace", "images", "inherit", "media", "send_email",
  "stream", "unsafe_hello_world", "version_metadata", "websearch", "worker_loader",
}

describe("an upload that is given", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  local function upload(opts)
    local spec = { modules = { ["a.mjs"] = "export default {}" }, compatibility_date = DATE }
    for name, value in pairs(opts) do spec[name] = value end
    return script:upload(spec)
  end

  -- Expects a refusal, before anything is sent, whose message holds `wanted` (a pattern, or plain
  -- text), and returns the error.
  local function refused(opts, wanted, is_plain)
    local ok, err = pcall(upload, opts)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    assert.are.same({ "usage", 0 }, { err.kind, #server.requests })
    assert.are.equal("script:upload: ", err.message:sub(1, 15))
    assert.is_truthy(err.message:find(wanted, 1, is_plain), err.message)
    return err
  end

  for _, descriptor in ipairs(metadata.OPTIONS) do
    local name = descriptor[1]
    it("a wrong " .. name, function ()
      local cases = METADATA[name] or error "has no case here"
      assert.is_truthy(refused({ [name] = anything }, "expected, got function")
        .message:find("'" .. name .. "'", 1, true))
      for i = 1, #cases, 2 do
        local err = refused({ [name] = cases[i] }, cases[i + 1])
        assert.is_truthy(err.message:find(name, 1, true))
      end
    end)
  end

  for name, wanted in pairs(ELSEWHERE) do
    it(name .. ", which it does not have", function () refused({ [name] = {} }, wanted, true) end)
  end
  for _, case in ipairs(OTHERS) do
    it(case[1], function () refused(case[2], case[3], true) end)
  end
  for _, case in ipairs(BINDINGS) do
    it("a binding with " .. case[1], function ()
      refused({ bindings = { KEY = case[2] } }, case[3], true)
    end)
  end

  it("bindings without what their type needs", function ()
    for kind, field in pairs(REQUIRED) do
      refused({ bindings = { KEY = { type = kind } } },
        ("binding 'KEY': %s is missing '%s'"):format(kind, field), true)
    end
  end)

  it("bindings whose type is enough sends them", function ()
    for i, kind in ipairs(BARE) do
      upload { bindings = { KEY = { type = kind } } }
      assert.are.equal(i, #server.requests)
    end
  end)

  it("fields nobody knows, of a type that is known, sends them", function ()
    upload { bindings = { KEY = { type = "ai", future = "x" } } }
    assert.is_truthy(server:last().body:find('"future":"x"', 1, true))
  end)

  it("a variable of 6 KB", function ()
    local values = {
      ("x"):rep(6144), { type = "plain_text", text = ("x"):rep(6144) },
      { type = "secret_text", text = ("x"):rep(6144) }, { type = "json", json = ("x"):rep(6144) },
    }
    for _, value in ipairs(values) do
      local err = refused({ bindings = { KEY = value } }, "'KEY' has 614%d bytes; 5120 are the")
      assert.are.equal("binding_too_large", err.reason)
    end
    upload { bindings = { KEY = ("x"):rep(5120) } }
  end)

  it("129 variables", function ()
    local many = {}
    for i = 1, 129 do many["V" .. i] = "x" end
    assert.are.equal("too_many_bindings",
      refused({ bindings = many }, "129 variables and secrets are too many; 128").reason)
    many.V129 = { type = "ai" }
    upload { bindings = many }
  end)

  it("no compatibility date", function ()
    local ok, err = pcall(script.upload, script, { modules = { ["a.mjs"] = "" } })
    assert.is_false(ok)
    assert.is_truthy(err.message:find "'compatibility_date' is missing")
    assert.are.equal(0, #server.requests)
  end)
end)
