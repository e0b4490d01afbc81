-- Command lines of subcommands, on argparse: what it cannot read is one line on stderr and exit 2.
local argparse = require "argparse"

local M = {}

-- A parser for `moonherd NAME`.
function M.new(name, description)
  return argparse("moonherd " .. name, description):add_help "-h --help"
end

-- The values by name; or nil and the exit code.
function M.parse(parser, ...)
  local is_good, result = parser:pparse { ... }
  if is_good then return result end
  local line = result:gsub("\nDid you mean (.-)%?$", " (did you mean %1?)"):gsub("\n", " ")
  io.stderr:write("moonherd: ", line, "\n")
  return nil, 2
end

return M
