-- moonherd help NAME: what a command takes, as its --help says it, the documentation of a public
-- name, which is found in the sources that are part of the program, what a word of errors means,
-- where moonherd differs from plain Lua, or all names.
local failures = require "moonherd.docs.failures"
local index = require "moonherd.docs.index"
local parser = require "moonherd.cli.parser"
local plain = require "moonherd.docs.plain"
local text = require "moonherd.docs.text"
local topics = require "moonherd.docs.topics"

local M = {}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("NAME", "A command or option, a name such as moonherd.map, script:upload or fs, the "
    .. "kind, reason or code of an error; moonherd: all names; lua: what differs from plain Lua.")
end

local function print_options(entries)
  print "Options:"
  for _, entry in ipairs(entries) do
    print("   " .. entry.name .. (entry.arguments and " " .. entry.arguments or ""))
    print(text.wrap(entry.text, 10))
  end
end

local function print_command(entry)
  if parser.command(entry.name) then return print(parser.new(entry.name):get_help()) end
  print(("usage: moonherd %s %s\n\n%s\n"):format(entry.name, entry.arguments,
    parser.sentence(entry.text)))
  if entry.name == "run" then print_options(parser.words.options) end
end

local function option_of(name)
  for _, entry in ipairs(parser.words.options) do
    if entry.name == name or entry.name == "--" .. name then return entry end
  end
end

local function print_list(name, entries)
  print(("%s is the name of:"):format(name))
  for _, entry in ipairs(entries) do print("  " .. text.signature(entry)) end
end

local function command_names()
  local names = {}
  for i, command in ipairs(parser.words.commands) do names[i] = command.name end
  return names
end

local MOST_FOUND = 12

-- What speaks of a word that is no name.
local function print_found(word)
  local found = index.search(word)
  if #found == 0 then return end
  print(("These speak of %s:"):format(word))
  for i = 1, math.min(#found, MOST_FOUND) do
    print(text.wrap(text.signature(found[i]), 2))
    if found[i].block then print(text.wrap(text.summary(found[i].block), 6)) end
  end
  if #found > MOST_FOUND then print(("  and %d more"):format(#found - MOST_FOUND)) end
end

-- A method of another class: the names that end so.
local function print_same(name, last)
  local found = name:find "[.:]" and index.find(last) or {}
  for i = #found, 1, -1 do
    if found[i].name:match "[%w_]+$" ~= last then table.remove(found, i) end
  end
  if found[1] then print_list(last, found) end
  return found[1] ~= nil
end

local function refuse(name)
  local has_same = print_same(name, name:match "[%w_]*$")
  if not has_same then print_found(name) end
  local nearest = not has_same and index.nearest(name, command_names())
  local advice = nearest and (" (did you mean '%s'?)"):format(nearest)
    or "; 'moonherd help moonherd' lists all names"
  return parser.refuse("help: nothing is called '%s'%s", name, advice)
end

local function print_entry(entry)
  print(entry.block and text.of_entry(entry) or text.signature(entry))
end

-- What a name of the documentation, or a word of errors, stands for. False: for nothing.
local function print_name(name)
  local found, about = index.find(name), failures.text(name)
  local is_exact = #found == 1
  if about and not is_exact then print(about)
  elseif #found > 1 then print_list(name, found)
  elseif is_exact then print_entry(found[1]) end
  if is_exact and about then print("\n" .. text.wrap(failures.line(name) or about, 0)) end
  return about ~= nil or found[1] ~= nil
end

local function print_of_command(entry)
  print_command(entry)
  local found = index.find("moonherd." .. entry.name)
  if found[1] then print(("\nFor scripts: moonherd help %s"):format(found[1].name)) end
  if failures.line(entry.name) then print("\n" .. failures.line(entry.name)) end
end

--- Prints it.
---@async
---@param given table  NAME, and columns, of the terminal, where they may change
---@return integer code
function M.run(given)
  local name = given.NAME
  local command, option = parser.entry(name), option_of(name)
  text.set_columns(given.columns or parser.words.columns)
  if name == "moonherd" then
    print(topics.text())
  elseif name == "lua" then
    print(plain.text())
  elseif command then
    print_of_command(command)
  else
    local has_name = print_name(name)
    if has_name and option then print() end
    if option then print_options { option } end
    if not has_name and not option then refuse(name) end
  end
  return 0
end

return M
