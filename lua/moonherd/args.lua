-- moonherd.args: the command line of a script, described in one table; on argparse. What it cannot
-- read is one line on standard error and exit code 2, as for moonherd itself.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local own_options = require "moonherd._own_options"
local safety_words = require "moonherd._safety_words"
local values_of = require "moonherd._args_values"

local M = {}

local WIDTH <const>, LEAST_WIDTH <const> = 80, 40 -- columns of --help, unless COLUMNS says

-- ---- the description ---------------------------------------------------------------------------

local read_item = options.reader("moonherd.args", {
  { "help", "string" },
  { "type", "string", default = "string", one_of = values_of.TYPES },
  { "default", "any" },
  { "one_of", "list" },
  { "many", "boolean" },
  { "optional", "boolean" },
  { "required", "boolean" },
  { "value", "string" },
})

local read_general = options.reader("moonherd.args", {
  { "about", "string" }, { "name", "string" }, { "commands", "table" },
})
local read_command = options.reader("moonherd.args", { { "about", "string" } })

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
  values_of.check_default(item)
  return item
end

-- The entries of a list, and the fields beside them.
local function describe_list(spec)
  local items, fields = {}, {}
  for key, value in pairs(spec) do
    if math.type(key) ~= "integer" then fields[key] = value end
  end
  for i, entry in ipairs(spec) do items[i] = describe(entry) end
  return items, fields
end

local function describe_command(name, spec)
  if type(name) ~= "string" or not name:find "^%a[%w_-]*$" then
    errors.usage("moonherd.args: '%s' is no name of a command", tostring(name))
  elseif type(spec) ~= "table" then
    errors.usage("moonherd.args: bad command '%s' (table expected, got %s)", name, type(spec))
  end
  local items, fields = describe_list(spec)
  return { name = name, items = items, about = read_command(fields).about }
end

-- In the order of their names.
local function describe_commands(specs)
  local commands = {}
  for name, spec in pairs(specs or {}) do commands[#commands + 1] = describe_command(name, spec) end
  table.sort(commands, function (a, b) return a.name < b.name end)
  return commands
end

-- ---- argparse ----------------------------------------------------------------------------------

local function help_of(item)
  local default = values_of.shown_default(item)
  local parts = { item.help }
  if item.one_of then parts[#parts + 1] = ("(%s)"):format(table.concat(item.one_of, ", ")) end
  if default then parts[#parts + 1] = ("(default: %s)"):format(default) end
  return table.concat(parts, " ")
end

local function add_argument(parser, item)
  local can_lack = item.optional or item.default ~= nil
  local count = item.many and (can_lack and "*" or "+") or can_lack and "?" or "1"
  parser:argument(item.target, help_of(item)):args(count):convert(values_of.converter(item))
end

-- What is on unless it is turned off is shown by the word that does.
local function add_flag(parser, item, names)
  parser:flag(names, help_of(item)):target(item.target):hidden(item.default == true)
  if item.shown:sub(1, 2) ~= "--" then return end
  local off = parser:flag("--no-" .. item.shown:sub(3), item.help):target(item.target)
  off:action("store_false"):hidden(item.default ~= true)
end

local function add_option(parser, item)
  local names = table.concat(item.names, " ")
  if item.type == "boolean" then return add_flag(parser, item, names) end
  local option = parser:option(names, help_of(item)):target(item.target)
  option:convert(values_of.converter(item)):argname("<" .. (item.value or item.type) .. ">")
  if item.many then option:count "*" else option:overwrite(false) end
end

local function add_items(parser, items)
  for _, item in ipairs(items) do
    if item.is_option then add_option(parser, item) else add_argument(parser, item) end
  end
end

local function width()
  local columns = math.tointeger(tonumber(os.getenv "COLUMNS")) or WIDTH
  return math.max(LEAST_WIDTH, math.min(columns, WIDTH))
end

-- The parser, and those of the commands by name.
local function parser_of(spec, items, commands)
  local columns, by_name = width(), {}
  local parser = require "argparse" (spec.name, spec.about):add_help "-h --help"
  parser:help_max_width(columns):usage_max_width(columns)
  add_items(parser, items)
  for _, command in ipairs(commands) do
    by_name[command.name] = parser:command(command.name, command.about):add_help "-h --help"
    add_items(by_name[command.name], command.items)
  end
  if commands[1] then parser:command_target "command" end
  return parser, by_name
end

-- ---- reading -----------------------------------------------------------------------------------

-- Whether help is asked for, and the command it is asked of.
local function wants_help(words, commands)
  local command
  for _, word in ipairs(words) do
    if word == "--" then return false end
    if word == "-h" or word == "--help" then return true, command end
    command = command or commands[word] and word
  end
  return false
end

local IS_NUMBER = { integer = true, number = true }

-- What follows an option of numbers may be below zero, which looks like an option.
local function joined(words, items)
  local takes_number, list = {}, {}
  for _, item in ipairs(items) do
    for _, name in ipairs(item.is_option and IS_NUMBER[item.type] and item.names or {}) do
      takes_number[name] = true
    end
  end
  for _, word in ipairs(words) do
    local before = list[#list]
    if takes_number[before] and word:find "^%-[%d.]" then
      list[#list] = before .. (before:sub(1, 2) == "--" and "=" or "") .. word
    else
      list[#list + 1] = word
    end
  end
  return list
end

-- All entries that count: those of the command too.
local function items_with(items, commands, name)
  local all = table.move(items, 1, #items, 1, {})
  for _, command in ipairs(commands) do
    if name == nil or command.name == name then
      table.move(command.items, 1, #command.items, #all + 1, all)
    end
  end
  return all
end

local function names_of(items)
  local names = {}
  for _, item in ipairs(items) do
    for _, name in ipairs(item.names) do names[name] = true end
  end
  return names
end

-- An option of moonherd behind the script's name is the script's.
local function hint_at_own_option(why)
  local name = why:match "^unknown option '(%-%-[%w-]+)"
  if not name or not own_options[name] then return why end
  return ("%s; moonherd's own %s stands before the script's name"):format(why, name)
end

-- The values; nil, a text and the exit code when there is nothing left to do.
local function read(spec, items, words)
  local commands = describe_commands(spec.commands)
  local parser, by_name = parser_of(spec, items, commands)
  local is_help, command = wants_help(words, by_name)
  words = safety_words.without(words, names_of(items_with(items, commands)))
  if is_help then return nil, (by_name[command] or parser):get_help(), 0 end
  local is_good, values = parser:pparse(joined(words, items_with(items, commands)))
  local why = not is_good and values
  if is_good then
    if values.command then values[values.command] = nil end -- argparse's own mark
    why = values_of.fill(items_with(items, commands, values.command or ""), values)
    if not why then return values end
  end
  why = why:gsub("\nDid you mean (.-)%?$", " (did you mean %1?)"):gsub("\n", " ")
  return nil, ("%s: %s"):format(spec.name, hint_at_own_option(why)), 2
end

local function describe_all(spec)
  if type(spec) ~= "table" then
    errors.usage("moonherd.args: bad description (table expected, got %s)", type(spec))
  end
  local items, fields = describe_list(spec)
  local general = read_general(fields)
  general.name = general.name or tostring(arg and arg[0] or "script"):match "[^/]*$"
  return general, items
end

--- Reads the command line of the script. The list part of the table describes it, an entry each:
--- `{ "tenant", help = "…" }` is an argument in its place, `{ "--jobs", "-j", type = "integer" }`
--- an option. `--help` prints what is made of the descriptions, and ends the script with code 0;
--- what cannot be read is said in one line, with the nearest name, and ends it with code 2.
--- `--dry-run` and `--read-only` of moonherd, which hold behind the script too, need no entry.
---@param spec table
---@field spec.about? string  what the script does, for --help; default nothing
---@field spec.name? string  what it is called; default the name of its file
---@field spec[].help? string  what it is, for --help; default nothing
---@field spec.commands? table  by name what a command takes: `about`, and a list of entries as
--- here; the value `command` tells which one was given; default none
---@field spec[].type? string  "string" (the default), "integer", "number", "duration" (becomes
--- seconds), "secret" (becomes a moonherd.secret; its default is not shown), "boolean" (an option
--- without a value; false when it is not given; `--no-NAME` turns it off again)
---@field spec[].default? any  what it is when it is not given, shown by --help
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
