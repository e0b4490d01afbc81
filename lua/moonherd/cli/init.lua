-- Runs a subcommand that is written in Lua. The executable hands over the words of the command line
-- (runtime/cli/table.c), the command's name as arg[0], and its arguments.
--
-- Each command is a module of its own that returns
--   configure(p)    gives an argparse parser the command's own arguments and options
--   run(options)    does it and returns the exit code
-- The words the command is described with come from the executable's table.
local parser = require "moonherd.cli.parser"

local function load_command(name)
  return require("moonherd.cli." .. name)
end

return function (words, ...)
  parser.words, parser.load_command = words, load_command
  local command = parser.command(arg[0])
  local options, code = parser.parse(parser.new(arg[0]), ...)
  if not options then return code end
  return command.run(options)
end
