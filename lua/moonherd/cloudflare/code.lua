-- The code of a Worker, from files, folders or strings, as a list of modules with their types.
-- Types go by extension, and one that is unknown is refused by name: guessed wrong, it would fail
-- at run time.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"
local paths = require "moonherd._paths"

local M = {}

local ES_MODULE, SCRIPT = "application/javascript+module", "application/javascript"
local TYPES = {
  mjs = ES_MODULE, js = ES_MODULE, cjs = SCRIPT, wasm = "application/wasm",
  txt = "text/plain", html = "text/plain", sql = "text/plain", bin = "application/octet-stream",
  py = "text/x-python", map = "application/source-map",
}
local EXTENSIONS = ".mjs .js .cjs .wasm .txt .html .sql .bin .py .map"
local BODY_PART = "worker.js" -- the name of a service-worker script that has none

--- The options that say where code comes from: for script:upload and script:put_content. `etag` is
--- there because script:content gives it; it is not sent.
M.OPTIONS = {
  { "file", "string" }, { "dir", "string" }, { "modules", "table" }, { "script", "string" },
  { "main_module", "string" }, { "body_part", "string" }, { "etag", "string" },
}

-- ---- types -------------------------------------------------------------------------------------

local function type_of(name, who)
  local known = TYPES[(name:match "%.([^./]+)$" or ""):lower()]
  if known then return known end
  return errors.usage("%s: the type of module '%s' is unknown (extensions are %s; or give it: "
    .. "modules = {[\"%s\"] = {content = …, type = …}})", who, name, EXTENSIONS, name)
end

local MODULE_FIELDS = { "content", "type" }

local function check_fields(name, given, who)
  for field in pairs(given) do
    if field ~= "content" and field ~= "type" then
      errors.usage("%s: module '%s': unknown option '%s'%s", who, name, tostring(field),
        options.suggestion(tostring(field), MODULE_FIELDS, "options"))
    end
  end
end

-- Others than ours may be right, but a content type they have to be.
local function check_type(name, given, who)
  if given == nil then return end
  if type(given) ~= "string" then
    errors.usage("%s: module '%s': 'type' is a string, got %s", who, name, type(given))
  end
  if not given:find "^[%w.+-]+/[%w.+-]+[^%c]*$" then
    errors.usage("%s: module '%s': 'type' is a content type such as %s, got %q", who, name,
      ES_MODULE, given)
  end
end

local function check_name(name, who)
  if name == "metadata" then
    errors.usage("%s: bad option 'modules' (the form keeps the name 'metadata' for itself)", who)
  end
  if type(name) == "string" and name ~= "" and utf8.len(name) and not name:find "%c" then
    return
  end
  errors.usage("%s: bad option 'modules' (a module needs a name, got %s)", who,
    type(name) == "string" and ("'%s'"):format(names.shown(name)) or type(name))
end

-- ---- sources -----------------------------------------------------------------------------------

local function module_of(name, given, who)
  check_name(name, who)
  if type(given) == "string" then
    return { name = name, content = given, content_type = type_of(name, who) }
  end
  if type(given) ~= "table" or type(given.content) ~= "string" then
    errors.usage("%s: module '%s' is bytes or {content=, type=}, got %s", who, name,
      type(given) == "table" and "a table without content" or type(given))
  end
  check_fields(name, given, who)
  check_type(name, given.type, who)
  return { name = name, content = given.content, content_type = given.type or type_of(name, who) }
end

local function from_table(given, who)
  local modules = {}
  for name, value in pairs(given) do modules[#modules + 1] = module_of(name, value, who) end
  return modules
end

-- The type is asked for first: nothing is read that cannot be sent.
local function read_module(name, path, who)
  local content_type = type_of(name, who)
  return { name = name, content = fs.read(path), content_type = content_type }
end

local function from_file(path, who)
  local name = path:match "[^/]+$" or errors.usage("%s: bad option 'file' (got '%s')", who, path)
  return { read_module(name, paths.find(path, "file", who), who) }
end

-- Names that start with a dot are not modules: they belong to editors and systems.
local function is_hidden(name)
  return name:find "^%." or name:find("/.", 1, true)
end

local function from_folder(path, who)
  local modules = {}
  for entry in fs.walk(paths.find(path, "dir", who)) do
    if entry.type == "file" and not is_hidden(entry.name) then
      modules[#modules + 1] = read_module(entry.name, entry.path, who)
    end
  end
  if #modules == 0 then errors.usage("%s: folder '%s' holds no modules", who, path) end
  return modules
end

-- ---- the main module ---------------------------------------------------------------------------

local function names_of(modules)
  local list = {}
  for i, module in ipairs(modules) do list[i] = module.name end
  table.sort(list)
  return list
end

local function check_present(modules, name, option, who)
  for _, module in ipairs(modules) do
    if module.name == name then return end
  end
  return errors.usage("%s: bad option '%s' (there is no module '%s'%s)", who, option, name,
    options.suggestion(name, names_of(modules), "modules"))
end

-- Without being told: the only module that is JavaScript or Python.
local function guess_main(modules, who)
  local found
  for _, module in ipairs(modules) do
    if module.content_type == ES_MODULE or module.content_type == "text/x-python" then
      if found then
        errors.usage("%s: option 'main_module' is missing (modules are %s)", who,
          table.concat(names_of(modules), ", "))
      end
      found = module.name
    end
  end
  return found or errors.usage("%s: there is no module of code to start with "
    .. "(main_module names one; a folder of files to be served is assets = {dir = …})", who)
end

-- The entry first, the rest by name: the same code always gives the same bytes.
local function order(modules, entry)
  table.sort(modules, function (a, b)
    if (a.name == entry) ~= (b.name == entry) then return a.name == entry end
    return a.name < b.name
  end)
  return modules
end

-- In service-worker syntax no file is an ES module, whatever its name.
local function as_service_worker(modules)
  for _, module in ipairs(modules) do
    if module.content_type == ES_MODULE then module.content_type = SCRIPT end
  end
end

-- ---- reading -----------------------------------------------------------------------------------

local function check_sources(opts, who)
  local sources = {}
  for _, name in ipairs { "file", "dir", "script" } do
    if opts[name] then sources[#sources + 1] = name end
  end
  if opts.modules and (opts.file or opts.dir) then sources[#sources + 1] = "modules" end
  if #sources > 1 then
    errors.usage("%s: %s are two sources of code; give one", who, table.concat(sources, " and "))
  end
  if #sources == 0 and not opts.modules then
    errors.usage("%s: there is no code: give file, dir, modules or script", who)
  end
  if opts.main_module and (opts.body_part or opts.script) then
    errors.usage("%s: main_module is for modules, %s for service-worker syntax; give one", who,
      opts.script and "script" or "body_part")
  end
end

local function modules_of(opts, body_part, who)
  if opts.file then return from_file(opts.file, who) end
  if opts.dir then return from_folder(opts.dir, who) end
  local modules = from_table(opts.modules or {}, who)
  if opts.script then
    if opts.modules and opts.modules[body_part] then
      errors.usage("%s: module '%s' is the script itself; give the script once", who, body_part)
    end
    modules[#modules + 1] = { name = body_part, content = opts.script, content_type = SCRIPT }
  end
  return modules
end

--- Whether options say anything of code.
---@param opts table
---@return boolean is_given
function M.is_given(opts)
  for _, descriptor in ipairs(M.OPTIONS) do
    if opts[descriptor[1]] ~= nil then return true end
  end
  return false
end

--- Reads the code that options describe.
---@async
---@param opts table  with the options of M.OPTIONS, checked
---@param who string  the public name of the function
---@return table code  {main_module= | body_part=, modules={{name=, content=, content_type=}, …}}
function M.read(opts, who)
  check_sources(opts, who)
  local body_part = opts.body_part or opts.script and BODY_PART
  local modules = modules_of(opts, body_part, who)
  if body_part then
    check_present(modules, body_part, "body_part", who)
    as_service_worker(modules)
    return { body_part = body_part, modules = order(modules, body_part) }
  end
  local main = opts.main_module or guess_main(modules, who)
  check_present(modules, main, "main_module", who)
  return { main_module = main, modules = order(modules, main) }
end

M.BODY_PART = BODY_PART

return M
