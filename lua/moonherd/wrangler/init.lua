-- A wrangler project as a table for script:upload: what its configuration says, and the code that
-- wrangler has built. Nothing of wrangler is run.
local bindings = require "moonherd.wrangler.bindings"
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
local OWN_OF_ENVIRONMENT = { define = true, tail_consumers = true }

local function names_of(map)
  local names = {}
  for name in pairs(map or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The configuration of one environment, as wrangler puts it together.
local function apply_environment(config, env)
  if not env then return config end
  local section = (config.env or {})[env]
  if type(section) ~= "table" then
    errors.usage("%s: there is no environment '%s'%s", WHO, env,
      options.suggestion(env, names_of(config.env), "environments"))
  end
  local applied = {}
  for member, value in pairs(config) do
    if not bindings.MEMBERS[member] and not OWN_OF_ENVIRONMENT[member] then
      applied[member] = value
    end
  end
  applied.name = config.name and config.name .. "-" .. env
  for member, value in pairs(section) do applied[member] = value end
  return applied
end

-- ---- settings ----------------------------------------------------------------------------------

-- Members that are fields of the upload under the same name.
local SAME = {
  "compatibility_date", "compatibility_flags", "limits", "logpush", "observability", "placement",
  "tail_consumers", "streaming_tail_consumers", "usage_model",
}

-- Members that say how to build, how to develop, or where the project is: nothing is lost.
local ABOUT_BUILDING = {
  ["$schema"] = 1, account_id = 1, alias = 1, assets = 1, base_dir = 1, build = 1, define = 1,
  dev = 1, env = 1, find_additional_modules = 1, jsx_factory = 1, jsx_fragment = 1, keep_names = 1,
  keep_vars = 1, legacy_env = 1, main = 1, minify = 1, name = 1, no_bundle = 1,
  preserve_file_names = 1, rules = 1, send_metrics = 1, tsconfig = 1, upload_source_maps = 1,
}

-- Members that mean something and that no upload to a namespace can do.
local WHY = {
  migrations = "which of them are live already is not known here; give the upload "
    .. "migrations = {old_tag=, new_tag=, steps=}",
  routes = "Workers in a namespace have no routes: the dispatch Worker chooses them",
  route = "Workers in a namespace have no routes: the dispatch Worker chooses them",
  triggers = "Workers in a namespace have no cron triggers",
  workers_dev = "Workers in a namespace have no workers.dev address",
  preview_urls = "Workers in a namespace have no preview addresses",
}

local function leave_rest(config, leave)
  local known = {}
  for _, member in ipairs(SAME) do known[member] = true end
  for _, member in ipairs(names_of(config)) do
    if not (known[member] or ABOUT_BUILDING[member] or bindings.MEMBERS[member]) then
      leave(member, WHY[member] or "the upload has nothing like it")
    end
  end
  if (config.queues or {}).consumers then
    leave("queues.consumers", "Workers in a namespace cannot consume queues")
  end
end

-- ---- assets ------------------------------------------------------------------------------------

local OF_ASSETS = { "html_handling", "not_found_handling", "run_worker_first" }

local function assets_of(config, folder, upload)
  local given = config.assets
  if type(given) ~= "table" then return end
  local assets = { dir = given.directory and fs.join(folder, given.directory) }
  for _, member in ipairs(OF_ASSETS) do assets[member] = given[member] end
  if given.binding then upload.bindings[given.binding] = { type = "assets" } end
  upload.assets = next(assets) and assets or nil
end

-- ---- code --------------------------------------------------------------------------------------

-- What wrangler writes beside the code.
local function is_code(name)
  return name ~= "README.md" and not name:find "%.map$"
end

local function modules_of(outdir)
  local modules = {}
  for entry in fs.walk(outdir) do
    local name = entry.path:sub(#outdir + 2)
    if entry.type == "file" and is_code(name) then modules[name] = fs.read(entry.path) end
  end
  return modules
end

-- The bundle is named after the entry point: src/index.ts becomes index.js.
local function main_of(config, modules)
  local stem = config.main and fs.basename(config.main):gsub("%.%w+$", "")
  for _, name in ipairs { stem and stem .. ".js", stem and stem .. ".mjs", "index.js" } do
    if modules[name] then return name end
  end
end

local PLAIN = { js = true, mjs = true }

local function code_of(config, folder, outdir, upload)
  if outdir then
    local dir = paths.resolve(outdir):gsub("(.)/+$", "%1")
    upload.modules = modules_of(dir)
    upload.main_module = main_of(config, upload.modules)
      or errors.usage("%s: %s does not hold what was built of '%s'", WHO, outdir,
        config.main or "main")
  elseif config.main then
    if not PLAIN[config.main:match "%.(%w+)$" or ""] then
      errors.raise {
        kind = "usage", reason = "usage",
        message = ("%s: '%s' has to be built first"):format(WHO, config.main),
        hint = "wrangler deploy --dry-run --outdir dist, and outdir = \"dist\" here",
      }
    end
    upload.file = fs.join(folder, config.main)
  end
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
--- configuration: those that are live are kept by the upload.
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
  local config = apply_environment(read_config(file), opts.env)
  local folder = folder_of(file)
  local project = { name = config.name, account_id = config.account_id, unmapped = {} }
  local function leave(where, why)
    table.insert(project.unmapped, { path = where, why = why })
  end
  local upload = { bindings = bindings.of(config, leave), keep_bindings = kept_types(config) }
  for _, member in ipairs(SAME) do upload[member] = config[member] end
  leave_rest(config, leave)
  assets_of(config, folder, upload)
  code_of(config, folder, opts.outdir, upload)
  table.sort(project.unmapped, function (a, b) return a.path < b.path end)
  for _, entry in ipairs(opts.warn and project.unmapped or {}) do
    log.write("warn", ("%s: %s is left out: %s"):format(path, entry.path, entry.why))
  end
  return upload, project
end

return M
