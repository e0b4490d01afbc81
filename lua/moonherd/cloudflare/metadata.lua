-- The fields of a script's metadata that are sent as they are given, as options: names, types, and
-- what can be wrong with them. Nested names are checked too: the API drops what it does not know.
local json = require "moonherd.json"
local time = require "moonherd.time"

local M = {}

local function check_date(text)
  if #text == #"2026-10-01" and pcall(time.parse, text) then return nil end
  return ("a date like '2026-10-01' is expected, got '%s'"):format(text)
end

local function check_rate(rate)
  if type(rate) == "number" and (rate < 0 or rate > 1) then
    return ("a number from 0 to 1 is expected, got %s"):format(rate)
  end
end

local function check_length(most)
  return function (text)
    if #text > most then return ("at most %d bytes are expected, got %d"):format(most, #text) end
  end
end

-- Lists, marked as such: an empty one must not become an object in JSON.
local function as_list(value)
  if type(value) ~= "table" then return value end
  return json.array(table.move(value, 1, #value, 1, {}))
end

local TRACES = {
  { "enabled", "boolean" }, { "head_sampling_rate", "number|null", check = check_rate },
  { "destinations", "list", convert = as_list }, { "persist", "boolean" },
  { "propagation_policy", "string|null", one_of = { "authenticated", "accept" } },
}
local LOGS = {
  { "enabled", "boolean" }, { "invocation_logs", "boolean" },
  { "head_sampling_rate", "number|null", check = check_rate },
  { "destinations", "list", convert = as_list }, { "persist", "boolean" },
}
local OBSERVABILITY = {
  { "enabled", "boolean" }, { "head_sampling_rate", "number|null", check = check_rate },
  { "redact_query_string", "boolean" },
  { "issues", "table", fields = { { "enabled", "boolean" } } },
  { "logs", "table", fields = LOGS }, { "traces", "table", fields = TRACES },
}
-- Reads of smart placement tell how it goes.
local function as_placement(value)
  value.status, value.last_analyzed_at = nil, nil
  return value
end

local TARGETS = { "region", "hostname", "host", "target" }

-- It is smart, or has one target.
local function check_placement(placement)
  local count = 0
  for _, name in ipairs(TARGETS) do
    if placement[name] ~= nil then count = count + 1 end
  end
  if placement.mode == "smart" and count > 0 then return "smart placement takes no target" end
  if count > 1 or placement.mode == "targeted" and count == 0 then
    return "one of region, hostname, host, target is expected"
  end
end

local PLACEMENT = {
  { "mode", "string", one_of = { "smart", "targeted" } }, { "region", "string" },
  { "hostname", "string" }, { "host", "string" }, { "target", "table", convert = as_list,
    items = { { "region", "string" }, { "hostname", "string" }, { "host", "string" } } },
  { "status", "string" }, { "last_analyzed_at", "string" },
}
local ANNOTATIONS = {
  { "workers/message", "string", check = check_length(100) },
  { "workers/tag", "string", check = check_length(25) },
}

local CONSUMERS = {
  { "service", "string", required = true }, { "environment", "string" }, { "namespace", "string" },
}
local CLASSES = {
  { "new_classes", "list", convert = as_list }, { "new_sqlite_classes", "list", convert = as_list },
  { "deleted_classes", "list", convert = as_list },
  { "renamed_classes", "table", convert = as_list, items = {
    { "from", "string", required = true }, { "to", "string", required = true },
  } },
  { "transferred_classes", "table", convert = as_list, items = {
    { "from", "string", required = true }, { "from_script", "string", required = true },
    { "to", "string", required = true },
  } },
}
local MIGRATIONS = {
  { "old_tag", "string" }, { "new_tag", "string" },
  { "steps", "table", items = CLASSES, convert = as_list }, table.unpack(CLASSES),
}
local EXPORTS = {
  { "type", "string", required = true, one_of = { "worker", "durable-object" } },
  { "state", "string", one_of = { "created", "deleted", "renamed", "transferred",
    "expecting-transfer" } },
  { "storage", "string", one_of = { "sqlite", "legacy-kv" } }, { "cache", "table" },
  { "container", "any" }, { "renamed_to", "string" }, { "transferred_to", "string" },
  { "transfer_from", "any" },
}
local CACHE = { { "enabled", "boolean" }, { "cross_version_cache", "boolean" } }
local PACKAGE = {
  { "name", "string", required = true }, { "packageJsonVersion", "string" },
  { "installedVersion", "string" },
}
local STRATEGY = { { "mode", "string" }, { "max_delay", "number", least = 0 } }

--- Descriptors for moonherd._options, in the order of the contract.
M.OPTIONS = {
  { "compatibility_date", "string", check = check_date },
  { "compatibility_flags", "list", convert = as_list },
  { "usage_model", "string", one_of = { "standard", "bundled", "unbound" } },
  { "limits", "table", fields = { { "cpu_ms", "integer", least = 1 },
    { "subrequests", "integer", least = 1 } } },
  { "logpush", "boolean" }, { "tags", "list", convert = as_list },
  { "tail_consumers", "table|null", convert = as_list, items = CONSUMERS },
  { "streaming_tail_consumers", "table|null", convert = as_list, items = CONSUMERS },
  { "observability", "table", fields = OBSERVABILITY },
  { "placement", "table", fields = PLACEMENT, check = check_placement,
    convert = as_placement },
  { "migrations", "table", fields = MIGRATIONS },
  { "exports", "table", values = EXPORTS },
  { "keep_assets", "boolean", default = true },
  { "cache_options", "table", fields = CACHE },
  { "annotations", "table", fields = ANNOTATIONS },
  { "package_dependencies", "table", convert = as_list, items = PACKAGE },
  { "containers", "table", convert = as_list,
    items = { { "name", "string" }, { "class_name", "string" } } },
  { "code_update_strategy", "table", fields = STRATEGY }, { "capnp_schema", "string" },
}

local VARIABLES = "variables are bindings: bindings = {NAME = \"text\"}"
local NO_ROUTES = "scripts of a namespace have no routes; the dispatcher calls them"
local NO_CRONS = "scripts of a namespace have no cron triggers of their own; the dispatcher may"

--- What to use instead of fields that people know from other places: ordinary Workers, wrangler.
M.ADVICE = {
  vars = VARIABLES, env = VARIABLES,
  secrets = "secrets are bindings: bindings = {NAME = {type = \"secret_text\", text = …}}",
  crons = NO_CRONS, schedules = NO_CRONS, triggers = NO_CRONS,
  routes = NO_ROUTES, route = NO_ROUTES, custom_domains = NO_ROUTES, workers_dev = NO_ROUTES,
  main = "the first module is main_module; a path is file",
  kv_namespaces = "bindings = {NAME = {type = \"kv_namespace\", namespace_id = …}}",
  r2_buckets = "bindings = {NAME = {type = \"r2_bucket\", bucket_name = …}}",
  d1_databases = "bindings = {NAME = {type = \"d1\", database_id = …}}",
  services = "bindings = {NAME = {type = \"service\", service = …}}",
}

--- Marks a list as one: an empty one must not become an object in JSON. Returns a copy.
M.as_list = as_list

return M
