-- Command lines of subcommands, on argparse: what it cannot read is one line on stderr and exit 2.
local argparse = require "argparse"
local errors = require "moonherd.error"

local M = {}

-- A parser for `moonherd NAME`.
function M.new(name, description)
  return argparse("moonherd " .. name, description):add_help "-h --help"
end

-- argparse would end the process from inside a protected call.
local function wants_help(...)
  for _, word in ipairs { ... } do
    if word == "-h" or word == "--help" then return true end
  end
  return false
end

-- The values by name; or nil and the exit code.
function M.parse(parser, ...)
  if wants_help(...) then
    print(parser:get_help())
    return nil, 0
  end
  local is_good, result = parser:pparse { ... }
  if is_good then return result end
  local line = result:gsub("\nDid you mean (.-)%?$", " (did you mean %1?)"):gsub("\n", " ")
  io.stderr:write("moonherd: ", line, "\n")
  return nil, 2
end

-- Ends the command for what only the command itself can find wrong with its arguments: a line on
-- stderr, exit 2.
function M.refuse(format, ...)
  errors.raise { kind = "usage", reason = "command_line", message = format:format(...) }
end

return M
