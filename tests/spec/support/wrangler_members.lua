-- The members that a configuration of wrangler may have, by its schema, and what becomes of each:
-- a row a member. `value` is what the file says; then one of
--   field=    the field of the upload that is the same
--   binding=  the binding B of the upload
--   left=     true: nothing; it is named as unmapped. A list: the paths that are
--   building= true: nothing, it is about building, developing or wrangler itself
-- `own` marks what an environment does not take over from the top of the file.
local function binding(value, becomes, left)
  return { value = value, binding = becomes, left = left, own = true }
end

local function left(value, paths) return { value = value, left = paths or true } end
local function own_left(value) return { value = value, left = true, own = true } end
local function building(value) return { value = value, building = true } end
local function same(value) return { value = value, field = true } end

return {
  -- settings
  compatibility_date = same '"2026-10-01"',
  compatibility_flags = same '["nodejs_compat"]',
  limits = same '{ "cpu_ms": 50, "subrequests": 10 }',
  logpush = same "true",
  observability = same '{ "enabled": true, "logs": { "enabled": true } }',
  placement = same '{ "mode": "smart" }',
  tail_consumers = { value = '[{ "service": "tail" }]', field = true, own = true },
  streaming_tail_consumers = { value = '[{ "service": "tail" }]', field = true, own = true },

  -- bindings
  vars = { value = '{ "B": "x" }', binding = "x", own = true },
  kv_namespaces = binding('[{ "binding": "B", "id": "k", "preview_id": "p", "remote": true }]',
    { type = "kv_namespace", namespace_id = "k" }),
  r2_buckets = binding('[{ "binding": "B", "bucket_name": "b", "jurisdiction": "eu" }]',
    { type = "r2_bucket", bucket_name = "b", jurisdiction = "eu" }),
  d1_databases = binding('[{ "binding": "B", "database_name": "n", "database_id": "d", '
    .. '"migrations_pattern": "x", "jurisdiction": "eu" }]', { type = "d1", id = "d" },
    { "d1_databases[0].jurisdiction" }),
  services = binding('[{ "binding": "B", "service": "s", "entrypoint": "E", "props": { "a": 1 } }]',
    { type = "service", service = "s", entrypoint = "E", props = { a = 1 } }),
  analytics_engine_datasets = binding('[{ "binding": "B", "dataset": "d" }]',
    { type = "analytics_engine", dataset = "d" }),
  vectorize = binding('[{ "binding": "B", "index_name": "i" }]',
    { type = "vectorize", index_name = "i" }),
  hyperdrive = binding('[{ "binding": "B", "id": "h", "localConnectionString": "x" }]',
    { type = "hyperdrive", id = "h" }),
  mtls_certificates = binding('[{ "binding": "B", "certificate_id": "c" }]',
    { type = "mtls_certificate", certificate_id = "c" }),
  pipelines = binding('[{ "binding": "B", "stream": "s" }]', { type = "pipelines", stream = "s" }),
  secrets_store_secrets = binding('[{ "binding": "B", "store_id": "s", "secret_name": "n" }]',
    { type = "secrets_store_secret", store_id = "s", secret_name = "n" }),
  workflows = binding('[{ "binding": "B", "name": "w", "class_name": "C", "schedules": [] }]',
    { type = "workflow", workflow_name = "w", class_name = "C" }, { "workflows[0].schedules" }),
  ratelimits = binding('[{ "name": "B", "namespace_id": "1", "simple": { "limit": 5 } }]',
    { type = "ratelimit", namespace_id = "1", simple = { limit = 5 } }),
  send_email = binding('[{ "name": "B", "destination_address": "a@b.c" }]',
    { type = "send_email", destination_address = "a@b.c" }),
  dispatch_namespaces = binding('[{ "binding": "B", "namespace": "n" }]',
    { type = "dispatch_namespace", namespace = "n" }),
  durable_objects = binding('{ "bindings": [{ "name": "B", "class_name": "C" }], '
    .. '"code_update_strategy": {} }', { type = "durable_object_namespace", class_name = "C" },
    { "durable_objects.code_update_strategy" }),
  queues = binding('{ "producers": [{ "binding": "B", "queue": "q", "delivery_delay": 3 }], '
    .. '"consumers": [{ "queue": "q" }] }',
    { type = "queue", queue_name = "q", delivery_delay = 3 }, { "queues.consumers" }),
  agent_memory = binding('[{ "binding": "B", "namespace": "n" }]',
    { type = "agent_memory", namespace = "n" }),
  ai_search = binding('[{ "binding": "B", "instance_name": "i" }]',
    { type = "ai_search", instance_name = "i" }),
  ai_search_namespaces = binding('[{ "binding": "B", "namespace": "n" }]',
    { type = "ai_search_namespace", namespace = "n" }),
  artifacts = binding('[{ "binding": "B", "namespace": "n" }]',
    { type = "artifacts", namespace = "n" }),
  flagship = binding('[{ "binding": "B", "app_id": "a" }]', { type = "flagship", app_id = "a" }),
  k2 = binding('[{ "binding": "B", "stream": "s" }]', { type = "k2", stream = "s" }),
  unsafe_hello_world = binding('[{ "binding": "B", "enable_timer": true }]',
    { type = "unsafe_hello_world", enable_timer = true }),
  vpc_networks = binding('[{ "binding": "B", "tunnel_id": "t" }]',
    { type = "vpc_network", tunnel_id = "t" }),
  vpc_services = binding('[{ "binding": "B", "service_id": "s" }]',
    { type = "vpc_service", service_id = "s" }),
  worker_loaders = binding('[{ "binding": "B" }]', { type = "worker_loader" }),
  ai = binding('{ "binding": "B", "staging": true }', { type = "ai", staging = true }),
  browser = binding('{ "binding": "B", "remote": true }', { type = "browser" }),
  images = binding('{ "binding": "B" }', { type = "images" }),
  media = binding('{ "binding": "B" }', { type = "media" }),
  stream = binding('{ "binding": "B" }', { type = "stream" }),
  version_metadata = binding('{ "binding": "B" }', { type = "version_metadata" }),
  assets = { value = '{ "directory": "public", "binding": "B", "base_path": "/x" }',
    binding = { type = "assets" }, left = { "assets.base_path" } },

  -- what no upload to a namespace can do
  access = left "{}",
  addresses = left '["a@b.c"]',
  analytics = own_left '{ "binding": "B" }',
  cache = left '{ "enabled": true }',
  cloudchamber = own_left "{}",
  compliance_region = left '"fedramp_high"',
  connect = own_left "[{}]",
  containers = own_left "[{}]",
  data_blobs = left '{ "B": "x.bin" }',
  exports = left "{}",
  first_party_worker = left "true",
  logfwdr = left '{ "bindings": [] }',
  migrations = left '[{ "tag": "v1" }]',
  pages_build_output_dir = left '"public"',
  previews = left "{}",
  preview_urls = left "true",
  route = left '"example.com/*"',
  routes = left '["example.com/*"]',
  secrets = own_left '{ "required": ["KEY"] }',
  site = left '{ "bucket": "public" }',
  text_blobs = left '{ "B": "x.txt" }',
  triggers = left '{ "crons": [] }',
  unsafe = own_left '{ "bindings": [] }',
  wasm_modules = left '{ "B": "x.wasm" }',
  workers_dev = left "true",

  -- building, developing, wrangler itself
  ["$schema"] = building '"x"',
  account_id = building '"abc"',
  alias = building "{}",
  base_dir = building '"."',
  build = building '{ "command": "make" }',
  define = { value = '{ "A": "1" }', building = true, own = true },
  dependencies_instrumentation = building "{}",
  dev = building "{}",
  env = building "{}",
  find_additional_modules = building "true",
  jsx_factory = building '"h"',
  jsx_fragment = building '"F"',
  keep_names = building "true",
  keep_vars = building "true",
  legacy_env = building "true",
  main = building '"src/index.ts"',
  minify = building "true",
  name = building '"shop"',
  no_bundle = building "true",
  preserve_file_names = building "true",
  python_modules = building "{}",
  rules = building '[{ "type": "Text", "globs": ["**/*.md"] }]',
  send_metrics = building "false",
  tsconfig = building '"x"',
  upload_source_maps = building "true",
}
