-- The bindings of a script, every type of the catalogue: contract §7, §13.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local file, get, put = requests.file, requests.get, requests.put

-- Type by type what is sent, and comes back as it is.
local CATALOGUE = {
  { type = "ai", staging = true },
  { type = "ai_search", instance_name = "x", namespace = "n" },
  { type = "ai_search_namespace", namespace = "n" },
  { type = "agent_memory", namespace = "n" },
  { type = "analytics_engine", dataset = "x" },
  { type = "artifacts", namespace = "n" },
  { type = "browser", raw = true },
  { type = "d1", database_id = "x" },
  { type = "dispatch_namespace", namespace = "n", outbound = { params = { { name = "a" } },
    worker = { service = "s", environment = "e" } } },
  { type = "durable_object_namespace", class_name = "Room", script_name = "other",
    environment = "e" },
  { type = "flagship", app_id = "x" },
  { type = "hyperdrive", id = "x" },
  { type = "images" },
  { type = "json", json = { a = { 1, json.null, { b = false } } } },
  { type = "json", json = json.null },
  { type = "json", json = "text" },
  { type = "k2", stream = "x" },
  { type = "kv_namespace", namespace_id = "0123456789abcdef0123456789abcdef" },
  { type = "logfwdr", destination = "x" },
  { type = "media" },
  { type = "messaging", namespace = "n" },
  { type = "mtls_certificate", certificate_id = "x" },
  { type = "pipelines", pipeline = "x" },
  { type = "plain_text", text = "größe {brace}" },
  { type = "plain_text", text = "" },
  { type = "queue", queue_name = "x", delivery_delay = 5 },
  { type = "r2_bucket", bucket_name = "x", jurisdiction = "eu" },
  { type = "ratelimit", namespace_id = "1", simple = { limit = 10, period = 60 } },
  { type = "secrets_store_secret", store_id = "x", secret_name = "y" },
  { type = "send_email", allowed_destination_addresses = { "a@example.com" } },
  { type = "service", service = "x", environment = "production", entrypoint = "E" },
  { type = "stream" },
  { type = "tail_consumer", service = "x" },
  { type = "unsafe_hello_world", enable_timer = true },
  { type = "vectorize", index_name = "x" },
  { type = "version_metadata" },
  { type = "vpc_network", network_id = "x" },
  { type = "vpc_service", service_id = "x" },
  { type = "websearch" },
  { type = "worker_loader" },
  { type = "workflow", workflow_name = "x", class_name = "C", script_name = "s" },
  { type = "something_of_next_year", depth = { 1, { 2 } }, flag = false },
}
for i, binding in ipairs(CATALOGUE) do binding.name = "B_" .. i end

local exact = {}
for i, binding in ipairs(CATALOGUE) do exact[i] = match.exactly(binding) end

local KEY = {
  type = "secret_key", name = "KEY", algorithm = { name = "HMAC", hash = "SHA-256" },
  format = "raw", usages = { "sign", "verify" }, key_base64 = "c2VjcmV0",
}

return { {
  operation = "GET SCR/bindings",
  {
    name = "none",
    source = "§7",
    needs = "script",
    get("SCR/bindings", json.array {}),
  },
  {
    name = "every type of the catalogue, and types that are not in it, as they were sent",
    source = "§13",
    put { bindings = CATALOGUE },
    get("SCR/bindings", exact),
  },
  {
    name = "d1 by its old name of the field",
    source = "§13, §17.14",
    put { bindings = { { type = "d1", name = "DB", id = "x" } } },
    get("SCR/bindings", { match.exactly { type = "d1", name = "DB", database_id = "x" } }),
  },
  {
    name = "secrets without their values",
    source = "§7",
    put { bindings = { { type = "secret_text", name = "TEXT", text = "hidden" }, KEY } },
    get("SCR/bindings", {
      match.exactly { type = "secret_text", name = "TEXT" },
      match.exactly { type = "secret_key", name = "KEY", format = "raw",
        algorithm = { name = "HMAC", hash = "SHA-256" }, usages = { "sign", "verify" } },
    }),
  },
  {
    name = "what refers to a part",
    source = "§13, §5.3",
    put({ body_part = "w.js", bindings = {
      { type = "wasm_module", name = "WASM", part = "m.wasm" },
      { type = "text_blob", name = "TEXT", part = "t" },
      { type = "data_blob", name = "DATA", part = "d" },
    } }, {
      file("w.js", requests.CLASSIC, "application/javascript"),
      file("m.wasm", "\0asm\1\0\0\0", "application/wasm"),
      file("t", "text", "text/plain"), file("d", "data", "application/octet-stream"),
    }),
    get("SCR/bindings", {
      { type = "wasm_module", name = "WASM" }, { type = "text_blob", name = "TEXT" },
      { type = "data_blob", name = "DATA" },
    }),
    { "GET SCR/content", expect = { body = requests.CLASSIC } },
  },
  {
    name = "a part that is not there",
    source = "§13",
    put({ body_part = "w.js", bindings = { { type = "wasm_module", name = "A", part = "x" } } },
      { file("w.js", requests.CLASSIC, "application/javascript") }, { code = 10021 }),
  },
  {
    name = "in stored order, whatever the names",
    source = "UNKNOWN-8",
    put { bindings = { { type = "plain_text", name = "B", text = "" },
      { type = "plain_text", name = "A", text = "" } } },
    get("SCR/bindings", { { name = "B" }, { name = "A" } }),
  },
} }
