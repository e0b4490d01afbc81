-- moonherd.args: the command line of a script, described in one table; on argparse. What it cannot
-- read is one line on standard error and exit code 2, as for moonherd itself.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local own_options = require "moonherd._own_options"
local words_of = require "moonherd._words"

local M = {}

-- ---- values ------------------------------------------------------------------------------------

-- Each gives the value, or nil and what is expected.
local READ = {
  string = function (text) return text end,
  integer = function (text) return math.tointeger(tonumber(text)), "an integer" end,
  number = function (text) return tonumber(text), "a number" end,
  duration = function (text)
    return words_of.seconds(text), 'a duration such as "90s" or "1h30m"'
  end,
}

local function converter(item)
  local read = READ[item.type]
  return function (text)
    local value, expected = read(text)
    if value == nil then
      return nil, ("%s: '%s' is not %s"):format(item.shown, text, expected)
    end
    for _, choice in ipairs(item.one_of or {}) do
      if choice == value then return value end
    end
    if not item.one_of then return value end
    return nil, ("%s: got '%s'%s"):format(item.shown, text,
      options.suggestion(text, item.one_of, "values"))
  end
end

-- ---- the description ---------------------------------------------------------------------------

local read_item = options.reader("moonherd.args", {
  { "help", "string" },
  { "type", "string", default = "string",
    one_of = { "string", "integer", "number", "duration", "boolean" } },
  { "default", "any" },
  { "one_of", "list" },
  { "many", "boolean" },
  { "optional", "boolean" },
  { "required", "boolean" },
  { "value", "string" },
})

local read_general = options.reader("moonherd.args", {
  { "about", "string" }, { "name", "string" },
})

local function check_names(names)
  for _, name in ipairs(names) do
    if type(name) ~= "string" or not name:find "^%-?%-?%a[%w_-]*$" then
      errors.usage("moonherd.args: '%s' is no name: it is like target, --name or -n", name)
    end
  end
  if #names == 0 then errors.usage "moonherd.args: an entry begins with its name" end
end

local function describe(entry)
  if type(entry) ~= "table" then
    errors.usage("moonherd.args: bad entry (table expected, got %s)", type(entry))
  end
  local names, fields = {}, {}
  for key, value in pairs(entry) do
    if math.type(key) == "integer" then names[key] = value else fields[key] = value end
  end
  check_names(names)
  local item = read_item(fields)
  item.names, item.is_option = names, names[1]:byte() == 0x2D
  item.shown = names[1]
  for _, name in ipairs(names) do
    if name:sub(1, 2) == "--" then item.shown = name end
  end
  item.target = item.shown:gsub("^%-+", ""):gsub("-", "_")
  if item.type == "boolean" and not item.is_option then
    errors.usage("moonherd.args: '%s': only an option can be boolean", item.shown)
  end
  return item
end

local function help_of(item)
  local help = item.help or ""
  if item.one_of then help = ("%s (%s)"):format(help, table.concat(item.one_of, ", ")) end
  if item.default ~= nil then help = ("%s (default: %s)"):format(help, tostring(item.default)) end
  return help
end

local function add_argument(parser, item)
  local can_lack = item.optional or item.default ~= nil
  local count = item.many and (can_lack and "*" or "+") or can_lack and "?" or "1"
  parser:argument(item.target, help_of(item)):args(count):convert(converter(item))
end

local function add_option(parser, item)
  local names = table.concat(item.names, " ")
  if item.type == "boolean" then
    parser:flag(names, help_of(item)):target(item.target)
    return
  end
  local option = parser:option(names, help_of(item)):target(item.target)
  option:convert(converter(item)):argname("<" .. (item.value or item.type) .. ">")
  if item.many then option:count "*" else option:overwrite(false) end
end

local function parser_of(spec, items)
  local parser = require "argparse" (spec.name, spec.about):add_help "-h --help"
  for _, item in ipairs(items) do
    if item.is_option then add_option(parser, item) else add_argument(parser, item) end
  end
  return parser
end

-- ---- reading -----------------------------------------------------------------------------------

local function wants_help(words)
  for _, word in ipairs(words) do
    if word == "--" then return false end
    if word == "-h" or word == "--help" then return true end
  end
  return false
end

local function fill(items, values)
  for _, item in ipairs(items) do
    local name = item.target
    local is_missing = values[name] == nil or item.many and #values[name] == 0
    if is_missing and item.default ~= nil then values[name] = item.default end
    if item.type == "boolean" and values[name] == nil then values[name] = false end
    if is_missing and item.required and values[name] == nil then
      return nil, ("option '%s' is required"):format(item.shown)
    end
    if item.type == "duration" and type(values[name]) == "string" then
      values[name] = words_of.seconds(values[name])
    end
  end
  return values
end

-- An option of moonherd behind the script's name is the script's.
local function hint_at_own_option(why)
  local name = why:match "^unknown option '(%-%-[%w-]+)"
  if not name or not own_options[name] then return why end
  return ("%s; moonherd's own %s stands before the script's name"):format(why, name)
end

-- The values; nil, a text and the exit code when there is nothing left to do.
local function read(spec, items, words)
  local parser = parser_of(spec, items)
  if wants_help(words) then return nil, parser:get_help(), 0 end
  local is_good, values = parser:pparse(words)
  local why = not is_good and values
  if is_good then
    values, why = fill(items, values)
    if values then return values end
  end
  why = why:gsub("\nDid you mean (.-)%?$", " (did you mean %1?)"):gsub("\n", " ")
  return nil, ("%s: %s"):format(spec.name, hint_at_own_option(why)), 2
end

local function describe_all(spec)
  if type(spec) ~= "table" then
    errors.usage("moonherd.args: bad description (table expected, got %s)", type(spec))
  end
  local items, general = {}, {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then general[key] = value end
  end
  general = read_general(general)
  for i, entry in ipairs(spec) do items[i] = describe(entry) end
  general.name = general.name or tostring(arg and arg[0] or "script"):match "[^/]*$"
  return general, items
end

--- Reads the command line of the script. The list part of the table describes it, an entry each:
--- `{ "tenant", help = "…" }` is an argument in its place, `{ "--jobs", "-j", type = "integer" }`
--- an option. `--help` prints what is made of the descriptions, and ends the script with code 0;
--- what cannot be read is said in one line, with the nearest name, and ends it with code 2.
---@param spec table
---@field spec.about? string  what the script does, for --help; default nothing
---@field spec.name? string  what it is called; default the name of its file
---@field spec[].help? string  what it is, for --help; default nothing
---@field spec[].type? string  "string" (the default), "integer", "number", "duration" (becomes
--- seconds), "boolean" (an option without a value; false when it is not given)
---@field spec[].default? any  what it is when it is not given
---@field spec[].one_of? string[]  the values that are allowed; default all
---@field spec[].many? boolean  it may be given several times, and is a list; default once
---@field spec[].optional? boolean  of an argument: it may be left out
---@field spec[].required? boolean  of an option: it must be given; default false
---@field spec[].value? string  what its value is called in --help; default its type
---@param words? string[]  default the script's own, `arg`
---@return table values  by name, without dashes in front, and with _ for those within
---@error usage usage  when the description is wrong
---@example
--- local opts = moonherd.args({
---   about = "Deploys tenants.",
---   { "tenant", many = true },
---   { "--jobs", "-j", type = "integer", default = 16, help = "how many at once" },
---   { "--dry-run", type = "boolean" },
--- }, { "acme", "globex", "-j", "4" })
--- print(#opts.tenant, opts.jobs, opts.dry_run)     --> 2 4 false
function M.parse(spec, words)
  local general, items = describe_all(spec)
  local values, text, code = read(general, items, words or arg or {})
  if values then return values end
  local file = code == 0 and io.stdout or io.stderr
  file:write(text, "\n")
  os.exit(code)
end

return M
