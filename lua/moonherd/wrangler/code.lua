-- The code of a wrangler project for an upload: what wrangler has built, or the one module that
-- needs no building.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local paths = require "moonherd._paths"

local M = {}

local WHO = "moonherd.read_wrangler"

-- What wrangler writes beside the code.
local function is_code(name)
  return name ~= "README.md" and not name:find "%.map$"
end

-- What the rules of the project say of files whose ending does not tell what they are.
local TYPE_OF_RULE = {
  ESModule = "application/javascript+module", CommonJS = "application/javascript",
  CompiledWasm = "application/wasm", Text = "text/plain", Data = "application/octet-stream",
  PythonModule = "text/x-python", PythonRequirement = "text/x-python-requirement",
}

local RULES = {}
for name in pairs(TYPE_OF_RULE) do RULES[#RULES + 1] = name end
table.sort(RULES)

-- By name; the first rule that fits counts.
local function types_by_rules(rules, outdir, leave)
  local types = {}
  for i, rule in ipairs(type(rules) == "table" and rules or {}) do
    local content_type = TYPE_OF_RULE[rule.type]
    if not content_type then
      leave(("rules[%d]"):format(i - 1), ("its type is one of %s"):format(
        table.concat(RULES, ", ")))
    end
    for _, glob in ipairs(content_type and rule.globs or {}) do
      for _, path in ipairs(fs.glob(glob, { dir = outdir, dot = true })) do
        local name = path:sub(#outdir + 2)
        types[name] = types[name] or content_type
      end
    end
  end
  return types
end

local function modules_of(outdir, rules, leave)
  local modules, types = {}, types_by_rules(rules, outdir, leave)
  for entry in fs.walk(outdir) do
    local name = entry.path:sub(#outdir + 2)
    if entry.type == "file" and is_code(name) then
      local content = fs.read(entry.path)
      modules[name] = types[name] and { content = content, type = types[name] } or content
    end
  end
  return modules
end

-- Without a folder that wrangler has built into there is one file.
local function leave_modules(config, leave)
  for _, member in ipairs { "find_additional_modules", "no_bundle" } do
    if config[member] then
      leave(member, "modules beside main are taken from outdir alone: wrangler deploy --dry-run "
        .. "--outdir dist")
    end
  end
end

-- The bundle is named after the entry point: src/index.ts becomes index.js.
local function main_of(config, modules)
  local stem = config.main and fs.basename(config.main):gsub("%.%w+$", "") or "index"
  for _, name in ipairs { stem .. ".js", stem .. ".mjs", "index.js" } do
    if modules[name] then return name end
  end
end

local PLAIN = { js = true, mjs = true }

--- Adds the code to an upload.
---@async
---@param upload table
---@param config table  with the environment applied
---@param project table  {folder=, outdir=, leave=}: where the project is, where it was built into,
---  and what is told of that which cannot be mapped
function M.add(upload, config, project)
  local outdir, leave = project.outdir, project.leave
  if outdir then
    local dir = paths.resolve(outdir):gsub("(.)/+$", "%1")
    upload.modules = modules_of(dir, config.rules, leave)
    local main = main_of(config, upload.modules)
      or errors.usage("%s: %s does not hold what was built of '%s'", WHO, outdir,
        config.main or "main")
    local entry = upload.modules[main]
    upload.modules[main] = type(entry) == "table" and entry.content or entry -- rules are for others
    upload.main_module = main
  elseif config.main then
    if not PLAIN[config.main:match "%.(%w+)$" or ""] then
      errors.raise {
        kind = "usage", reason = "usage",
        message = ("%s: '%s' has to be built first"):format(WHO, config.main),
        hint = "wrangler deploy --dry-run --outdir dist, and outdir = \"dist\" here",
      }
    end
    upload.file = fs.join(project.folder, config.main)
    leave_modules(config, leave)
  end
end

return M
