-- moonherd help NAME: what a command takes, as its --help says it, or the documentation of a public
-- name, which is found in the sources that are part of the program.
local index = require "moonherd.docs.index"
local parser = require "moonherd.cli.parser"
local text = require "moonherd.docs.text"

local M = {}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("NAME", "A command, or a name such as moonherd.map, script:upload or fs.")
end

local function print_command(entry)
  if parser.command(entry.name) then
    print(parser.new(entry.name):get_help())
  else
    print(("usage: moonherd %s %s\n\n%s"):format(entry.name, entry.arguments, entry.text))
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

local function refuse(name)
  print_found(name)
  local nearest = index.nearest(name, command_names())
  local advice = nearest and (" (did you mean '%s'?)"):format(nearest) or ""
  return parser.refuse("help: nothing is called '%s'%s", name, advice)
end

--- Prints it.
---@async
---@param given table  NAME, and columns, of the terminal, where they may change
---@return integer code
function M.run(given)
  local name = given.NAME
  text.set_columns(given.columns or parser.words.columns)
  local command = parser.entry(name)
  local found = index.find(name)
  if command then
    print_command(command)
    if found[1] then print(("\nFor scripts: moonherd help %s"):format(found[1].name)) end
  elseif #found == 0 then
    refuse(name)
  elseif #found > 1 then
    print_list(name, found)
  elseif found[1].block then
    print(text.of_entry(found[1]))
  else
    print(text.signature(found[1]))
  end
  return 0
end

return M
