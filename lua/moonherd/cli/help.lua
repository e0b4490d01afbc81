-- moonherd help NAME: what a command takes, as its --help says it.
local options = require "moonherd._options"
local parser = require "moonherd.cli.parser"

local M = {}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("NAME", "A command, or a name such as moonherd.map or script:upload.")
end

local function print_command(entry)
  if parser.command(entry.name) then return print(parser.new(entry.name):get_help()) end
  print(("usage: moonherd %s %s\n\n%s"):format(entry.name, entry.arguments, entry.text))
end

--- Prints it.
---@param given table
---@return integer code
function M.run(given)
  local entry = parser.entry(given.NAME)
  if entry then
    print_command(entry)
    return 0
  end
  local names = {}
  for i, command in ipairs(parser.words.commands) do names[i] = command.name end
  return parser.refuse("help: nothing is called '%s'%s", given.NAME,
    options.suggestion(given.NAME, names, "commands"))
end

return M
