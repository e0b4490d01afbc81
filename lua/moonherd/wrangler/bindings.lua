-- The bindings of a wrangler configuration as those of an upload.
local M = {}

-- Lists: the type of the binding, the member that names it, and what its other members are called.
local LISTS = {
  kv_namespaces = { "kv_namespace", "binding", { id = "namespace_id" } },
  r2_buckets = { "r2_bucket", "binding", { bucket_name = 1, jurisdiction = 1 } },
  d1_databases = { "d1", "binding", { database_id = "id" } },
  services = { "service", "binding", { service = 1, environment = 1, entrypoint = 1, props = 1 } },
  analytics_engine_datasets = { "analytics_engine", "binding", { dataset = 1 } },
  vectorize = { "vectorize", "binding", { index_name = 1 } },
  hyperdrive = { "hyperdrive", "binding", { id = 1 } },
  mtls_certificates = { "mtls_certificate", "binding", { certificate_id = 1 } },
  pipelines = { "pipelines", "binding", { pipeline = 1, stream = 1 } },
  secrets_store_secrets = {
    "secrets_store_secret", "binding", { store_id = 1, secret_name = 1 },
  },
  workflows = {
    "workflow", "binding", { name = "workflow_name", class_name = 1, script_name = 1 },
  },
  ratelimits = { "ratelimit", "name", { namespace_id = 1, simple = 1 } },
  send_email = {
    "send_email", "name",
    { destination_address = 1, allowed_destination_addresses = 1, allowed_sender_addresses = 1 },
  },
  dispatch_namespaces = { "dispatch_namespace", "binding", { namespace = 1 } },
  agent_memory = { "agent_memory", "binding", { namespace = 1 } },
  ai_search = { "ai_search", "binding", { instance_name = 1 } },
  ai_search_namespaces = { "ai_search_namespace", "binding", { namespace = 1 } },
  artifacts = { "artifacts", "binding", { namespace = 1 } },
  flagship = { "flagship", "binding", { app_id = 1 } },
  k2 = { "k2", "binding", { stream = 1 } },
  unsafe_hello_world = { "unsafe_hello_world", "binding", { enable_timer = 1 } },
  vpc_networks = { "vpc_network", "binding", { network_id = 1, tunnel_id = 1 } },
  vpc_services = { "vpc_service", "binding", { service_id = 1 } },
  worker_loaders = { "worker_loader", "binding", {} },
}

-- Within other members.
local NESTED = {
  { "durable_objects", "bindings", {
    "durable_object_namespace", "name", { class_name = 1, script_name = 1, environment = 1 },
  } },
  { "queues", "producers", {
    "queue", "binding", { queue = "queue_name", delivery_delay = 1 },
  } },
}

-- A single one each.
local SINGLE = {
  ai = { "ai", "binding", { staging = 1 } }, browser = { "browser", "binding", {} },
  images = { "images", "binding", {} }, media = { "media", "binding", {} },
  stream = { "stream", "binding", {} },
  version_metadata = { "version_metadata", "binding", {} },
}

-- What only wrangler's own development server looks at.
local FOR_DEVELOPMENT = {
  binding = 1, name = 1, preview_id = 1, preview_bucket_name = 1, preview_database_id = 1,
  database_name = 1, migrations_dir = 1, migrations_table = 1, migrations_pattern = 1,
  database_internal_env = 1, localConnectionString = 1, local_dev = 1, remote = 1,
  experimental_remote = 1,
}

-- Members that hold bindings, for those who ask what is left of a configuration.
M.MEMBERS = { vars = true }
for member in pairs(LISTS) do M.MEMBERS[member] = true end
for member in pairs(SINGLE) do M.MEMBERS[member] = true end
for _, row in ipairs(NESTED) do M.MEMBERS[row[1]] = true end

-- One entry of a list. What it has and we do not know is told to `leave`.
local function add(bindings, where, entry, row, leave)
  local kind, name_member, members = table.unpack(row)
  local binding = { type = kind }
  for member, value in pairs(entry) do
    local ours = members[member]
    if ours then
      binding[ours == 1 and member or ours] = value
    elseif member ~= name_member and not FOR_DEVELOPMENT[member] then
      leave(where .. "." .. member, "the upload has nothing like it")
    end
  end
  local name = entry[name_member]
  if type(name) ~= "string" then
    leave(where, ("it has no '%s'"):format(name_member))
  else
    bindings[name] = binding
  end
end

local function add_list(bindings, where, list, row, leave)
  if type(list) ~= "table" then return leave(where, "it is no list") end
  for i, entry in ipairs(list) do
    local path = ("%s[%d]"):format(where, i - 1)
    if type(entry) == "table" then add(bindings, path, entry, row, leave)
    else leave(path, "it is no object") end
  end
end

local function add_vars(bindings, vars)
  for name, value in pairs(vars or {}) do
    bindings[name] = type(value) == "string" and value or { type = "json", json = value }
  end
end

-- The Worker that sees what the dispatched ones send out.
local function add_outbounds(bindings, config)
  for _, entry in ipairs(config.dispatch_namespaces or {}) do
    local outbound, binding = entry.outbound, bindings[entry.binding]
    if outbound and binding then
      local params = {}
      for i, name in ipairs(outbound.parameters or {}) do params[i] = { name = name } end
      binding.outbound = {
        worker = { service = outbound.service, environment = outbound.environment },
        params = params[1] and params or nil,
      }
    end
  end
end

--- The bindings of a configuration.
---@param config table  with the environment applied
---@param leave fun(where: string, why: string)  is told what cannot be mapped
---@return table bindings  by name, as script:upload takes them
function M.of(config, leave)
  local bindings = {}
  add_vars(bindings, config.vars)
  for member, row in pairs(LISTS) do
    if config[member] ~= nil then
      local known = member == "dispatch_namespaces" and function (where, why)
        if not where:find "%.outbound$" then leave(where, why) end
      end
      add_list(bindings, member, config[member], row, known or leave)
    end
  end
  for _, row in ipairs(NESTED) do
    local within = config[row[1]]
    local list = type(within) == "table" and within[row[2]] or nil
    if list ~= nil then add_list(bindings, row[1] .. "." .. row[2], list, row[3], leave) end
  end
  for member, row in pairs(SINGLE) do
    local entry = config[member]
    if type(entry) == "table" then add(bindings, member, entry, row, leave)
    elseif entry ~= nil then leave(member, "it is no object") end
  end
  add_outbounds(bindings, config)
  return bindings
end

return M
