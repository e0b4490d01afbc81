-- A wrangler project as a table for script:upload: what its configuration says, and the code that
-- wrangler has built. Nothing of wrangler is run.
local bindings = require "moonherd.wrangler.bindings"
local code = require "moonherd.wrangler.code"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local jsonc = require "moonherd.wrangler.jsonc"
local log = require "moonherd._log"
local options = require "moonherd._options"
local paths = require "moonherd._paths"

local M = {}

local WHO = "moonherd.read_wrangler"

-- ---- the configuration -------------------------------------------------------------------------

local function read_config(path)
  if path:find "%.toml$" then
    errors.raise {
      kind = "usage", reason = "usage",
      message = ("%s: %s is TOML, JSON is expected"):format(WHO, path),
      hint = "wrangler reads wrangler.jsonc as well: write the same settings there",
    }
  end
  local config = jsonc.decode(fs.read(path), path)
  if type(config) == "table" and not json.is_array(config) then return config end
  return errors.usage("%s: %s is not a JSON object", WHO, path)
end

-- What an environment does not take over from the top of the file, because it is about one
-- deployment: all bindings, and these.
local OWN_OF_ENVIRONMENT = {
  analytics = true, cloudchamber = true, connect = true, containers = true, define = true,
  secrets = true, streaming_tail_consumers = true, tail_consumers = true, unsafe = true,
}

-- And what stands at the top alone.
local OF_TOP = {
  ["$schema"] = true, addresses = true, alias = true, data_blobs = true, dev = true, env = true,
  dependencies_instrumentation = true, keep_vars = true, legacy_env = true,
  pages_build_output_dir = true, send_metrics = true, site = true, text_blobs = true,
  wasm_modules = true,
}

-- Members that say how to build, how to develop, or where the project is: nothing is lost.
local ABOUT_BUILDING = {
  ["$schema"] = 1, account_id = 1, alias = 1, assets = 1, base_dir = 1, build = 1, define = 1,
  dependencies_instrumentation = 1, dev = 1, env = 1, find_additional_modules = 1,
  jsx_factory = 1, jsx_fragment = 1, keep_names = 1, keep_vars = 1, legacy_env = 1, main = 1,
  minify = 1, name = 1, no_bundle = 1, preserve_file_names = 1, python_modules = 1, rules = 1,
  send_metrics = 1, tsconfig = 1, upload_source_maps = 1,
}

local NOT_TAKEN_OVER = "environments do not take it over from the top: say it in env.%s as well"

local function names_of(map)
  local names = {}
  for name in pairs(map or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The configuration of one environment, as wrangler puts it together.
local function apply_environment(config, env, leave)
  if not env then return config end
  local section = type(config.env) == "table" and config.env[env] or nil
  if type(section) ~= "table" then
    errors.usage("%s: there is no environment '%s'%s", WHO, env,
      options.suggestion(env, names_of(config.env), "environments"))
  end
  local applied = {}
  for member, value in pairs(config) do
    if not bindings.MEMBERS[member] and not OWN_OF_ENVIRONMENT[member] then
      applied[member] = value
    elseif section[member] == nil and not ABOUT_BUILDING[member] then
      leave(member, NOT_TAKEN_OVER:format(env))
    end
  end
  applied.name = config.name and config.name .. "-" .. env
  for member, value in pairs(section) do
    if OF_TOP[member] then
      leave(("env.%s.%s"):format(env, member), "it belongs at the top of the file")
    else
      applied[member] = value
    end
  end
  return applied
end

-- ---- settings ----------------------------------------------------------------------------------

-- Members that are fields of the upload under the same name.
local SAME = {
  "compatibility_date", "compatibility_flags", "limits", "logpush", "observability", "placement",
  "tail_consumers", "streaming_tail_consumers", "usage_model",
}

-- Members that mean something and that no upload to a namespace can do.
local BY_DISPATCH = "Workers in a namespace have no routes: the dispatch Worker chooses them"
local AS_MODULE = "the upload takes no such parts: import the file as a module"
local WHY = {
  addresses = "Workers in a namespace get no mail",
  cloudchamber = "Workers in a namespace have no containers",
  compliance_region = "it says where wrangler sends its requests: connect{base_url=} does",
  containers = "Workers in a namespace have no containers",
  data_blobs = AS_MODULE,
  exports = "which classes are live already is not known here; give the upload "
    .. "migrations = {old_tag=, new_tag=, steps=}",
  migrations = "which of them are live already is not known here; give the upload "
    .. "migrations = {old_tag=, new_tag=, steps=}",
  pages_build_output_dir = "it is a Pages project, which a namespace cannot take",
  previews = "Workers in a namespace have no previews",
  routes = BY_DISPATCH,
  route = BY_DISPATCH,
  secrets = "whether they are there is not looked at; script:put_secrets sets them",
  site = "Workers Sites are not uploaded: name the folder in assets",
  text_blobs = AS_MODULE,
  triggers = "Workers in a namespace have no cron triggers",
  wasm_modules = AS_MODULE,
  workers_dev = "Workers in a namespace have no workers.dev address",
  preview_urls = "Workers in a namespace have no preview addresses",
}

-- Of members that hold bindings, what is none.
local WITHIN = {
  { "queues", "consumers", "Workers in a namespace cannot consume queues" },
  { "durable_objects", "code_update_strategy", "the upload has nothing like it" },
}

-- What is not wanted is not left out.
local MAY_BE_OFF = { workers_dev = true, preview_urls = true }

local function mapped_members()
  local mapped = {}
  for _, member in ipairs(SAME) do mapped[member] = true end
  for _, set in ipairs { ABOUT_BUILDING, bindings.MEMBERS } do
    for member in pairs(set) do mapped[member] = true end
  end
  return mapped
end

-- Of a member that is nowhere known, which may be mistyped.
local function why_unknown(member, mapped)
  local names = names_of(mapped)
  table.move(names_of(WHY), 1, #names_of(WHY), #names + 1, names)
  local nearest = options.nearest(member, names)
  return "the upload has nothing like it"
    .. (nearest and (" (did you mean '%s'?)"):format(nearest) or "")
end

local function leave_rest(config, leave)
  local mapped = mapped_members()
  for _, member in ipairs(names_of(config)) do
    local is_off = MAY_BE_OFF[member] and config[member] == false
    if not mapped[member] and not is_off then
      leave(member, WHY[member] or why_unknown(member, mapped))
    end
  end
  for _, row in ipairs(WITHIN) do
    local within = config[row[1]]
    if type(within) == "table" and within[row[2]] ~= nil then
      leave(row[1] .. "." .. row[2], row[3])
    end
  end
end

-- ---- assets ------------------------------------------------------------------------------------

local OF_ASSETS = { "html_handling", "not_found_handling", "run_worker_first" }

local function assets_of(config, folder, upload, leave)
  local given = config.assets
  if type(given) ~= "table" then return end
  if given.base_path ~= nil then leave("assets.base_path", "the upload has nothing like it") end
  local assets = { dir = given.directory and fs.join(folder, given.directory) }
  for _, member in ipairs(OF_ASSETS) do assets[member] = given[member] end
  if given.binding then upload.bindings[given.binding] = { type = "assets" } end
  upload.assets = next(assets) and assets or nil
end

-- ---- all of it ---------------------------------------------------------------------------------

local read = options.reader(WHO, {
  { "env", "string" }, { "outdir", "string" }, { "warn", "boolean", default = true },
})

-- Paths in the result are absolute, or those of uploads would start at the script's folder twice.
local function folder_of(path)
  return fs.dirname(fs.realpath(path))
end

local function kept_types(config)
  if not config.keep_vars then return nil end
  return { "plain_text", "json", "secret_text", "secret_key" }
end

--- Reads the configuration of a wrangler project, wrangler.jsonc or wrangler.json, into a table for
--- script:upload: settings, bindings, variables, assets and code. Comments and trailing commas are
--- allowed. What the upload cannot do is named in the second result, and warned of.
---
--- Code comes from `outdir`, which `wrangler deploy --dry-run --outdir dist` has filled; without it
--- from `main`, when that is one JavaScript module that needs no bundling. Secrets are not in the
--- configuration: those that are live are kept by the upload. TOML is refused: wrangler reads the
--- same settings from a wrangler.jsonc.
---@async
---@param path string  relative to the script's folder
---@param opts? table
---@field opts.env? string  the environment: its section over the top of the file, as wrangler does;
---  default none
---@field opts.outdir? string  the folder that wrangler has built into; relative to the script's;
---  default: `main` is the code
---@field opts.warn? boolean  warn of what cannot be mapped; default true
---@return table upload  for script:upload; add to it what the project does not say
---@return table project
---@field project.name? string  of the Worker
---@field project.account_id? string  when the file says it
---@field project.unmapped table[]  what the upload cannot do, in the order of paths
---@field project.unmapped[].path string  the setting
---@field project.unmapped[].why string  why it is left out
---@error usage bad_json  with line and column
---@error usage usage  for TOML, an environment that is not there, or code that is not built
---@error io not_found  when the file or the code is not there
---@example
--- moonherd.write("wrangler.jsonc", [[{
---   "name": "shop", "main": "worker.mjs", // one module
---   "compatibility_date": "2026-10-01", "vars": { "PLAN": "pro" }, "workers_dev": true,
--- }]])
--- moonherd.write("worker.mjs", "export default {}")
--- local upload, project = moonherd.read_wrangler "wrangler.jsonc"
--- print(project.name, upload.bindings.PLAN, project.unmapped[1].path) --> shop pro workers_dev
function M.read(path, opts)
  if type(path) ~= "string" then
    errors.usage("%s: bad path (string expected, got %s)", WHO, type(path))
  elseif path:find("\0", 1, true) then
    errors.usage("%s: bad path (it has a zero byte)", WHO)
  end
  opts = read(opts)
  local file = paths.resolve(path)
  local unmapped = {}
  local function leave(where, why)
    table.insert(unmapped, { path = where, why = why })
  end
  local config = apply_environment(read_config(file), opts.env, leave)
  local folder = folder_of(file)
  local project = { name = config.name, account_id = config.account_id, unmapped = unmapped }
  local upload = { bindings = bindings.of(config, leave), keep_bindings = kept_types(config) }
  for _, member in ipairs(SAME) do upload[member] = config[member] end
  leave_rest(config, leave)
  assets_of(config, folder, upload, leave)
  code.add(upload, config, { folder = folder, outdir = opts.outdir, leave = leave })
  table.sort(unmapped, function (a, b) return a.path < b.path end)
  for _, entry in ipairs(opts.warn and unmapped or {}) do
    log.write("warn", ("%s: %s is left out: %s"):format(path, entry.path, entry.why))
  end
  return upload, project
end

return M
