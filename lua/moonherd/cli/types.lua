-- moonherd types DIR: definitions for lua-language-server, so that editors complete, check and
-- explain what scripts use.
local parser = require "moonherd.cli.parser"
local types = require "moonherd.docs.types"
local write = require "moonherd.docs._write"

local M = {}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("DIR", "Where the files go; name it in workspace.library of .luarc.json.")
end

--- Writes them.
---@async
---@param options table
---@return integer code
function M.run(options)
  parser.check_folder("types", options.DIR)
  write(options.DIR, types.files())
  return 0
end

return M
