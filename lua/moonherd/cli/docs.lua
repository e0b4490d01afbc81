-- moonherd docs DIR: the man page, moonherd.1, and a page of reference for every module and class.
local host = require "moonherd._host"
local man = require "moonherd.cli.man"
local pages = require "moonherd.docs.pages"
local parser = require "moonherd.cli.parser"
local write = require "moonherd.docs._write"

local M = {}

--- Its argument.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("DIR", "Where the files go.")
end

--- Writes them.
---@async
---@param options table
---@return integer code
function M.run(options)
  parser.check_folder("docs", options.DIR)
  local files = pages.files()
  files["moonherd.1"] = man.page(host.version)
  write(options.DIR, files)
  return 0
end

return M
