-- A dry run does nothing, and so it must take nothing down: a ledger that said "done" would keep
-- the real run from doing it. Its jobs work on copies, which know what earlier runs have done and
-- go away with the host.
local fs = require "moonherd.fs"
local handles = require "moonherd.cloudflare.handles"
local hash = require "moonherd.hash"
local host = require "moonherd._host"
local platform = require "moonherd._platform"

local M = {}

-- Of a ledger; what SQLite has not copied into it yet lies beside it.
local PARTS <const> = { "", "-wal", ".key" }
local FILE_MODE <const> = tonumber("600", 8)

local copies = {}

-- They are read whole: there is no other way to copy a file, and a dry run is rare.
local function copy(path, to)
  for _, suffix in ipairs(PARTS) do
    if fs.exists(path .. suffix) then
      local bytes = fs.read(path .. suffix, { max = math.maxinteger })
      fs.write(to .. suffix, bytes, { mode = FILE_MODE })
    end
  end
end

--- Whether what is done with a client, or with any, is a dry run.
---@param client? table
---@return boolean
function M.is_dry(client)
  return host.options.dry_run or client ~= nil and handles.is_dry(client)
end

--- The copy of a ledger, which is made once.
---@async
---@param path string
---@return string path
function M.of(path)
  if copies[path] then return copies[path] end
  local dir, err = platform.scratch_dir()
  if not dir then error(err, 0) end
  local to = ("%s/%s.db"):format(dir, hash.uuid())
  copy(path, to)
  copies[path] = copies[path] or to -- another task may have made one meanwhile
  return copies[path]
end

return M
