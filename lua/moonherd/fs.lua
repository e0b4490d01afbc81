-- Files and directories. Every function that touches the disk waits while a worker thread does it:
-- the loop never does. Paths are plain: relative ones are those of the process.
--
-- Errors are of kind `io`; their `path` says where, their `reason` is one of not_found, exists,
-- permission, is_directory, not_directory, not_empty, disk_full, too_large, io.
local core = require "moonherd._fs"
local errors = require "moonherd.error"
local options = require "moonherd._options"

local M = {}

-- What is larger has files of its own.
for _, part in ipairs { "paths", "glob", "temp", "watch" } do
  for name, f in pairs(require("moonherd._fs_" .. part)) do M[name] = f end
end

local MAX_READ <const> = 1 << 30

local function check(value, err)
  if value == nil then error(err, 0) end
  return value
end

-- ---- files -------------------------------------------------------------------------------------

local read_options = options.reader("fs.read", {
  { "max", "integer", default = MAX_READ, least = 0 },
})

--- Reads a whole file. Also reads pipes and devices, until their end.
---@async
---@param path string
---@param opts? table
---@field opts.max? integer  bytes; a larger file is refused; default 1 GiB
---@return string bytes
---@error io not_found  when there is no such file
---@error io too_large  when it is larger than `max`
---@example
--- print(#moonherd.fs.read "/etc/passwd")
function M.read(path, opts)
  return check(core.read(path, read_options(opts).max))
end

local write_options = options.reader("fs.write", {
  { "mode", "integer", least = 0 },
  { "exclusive", "boolean" },
})

--- Writes a whole file: readers see the old content or the new one, never a part, and after a
--- crash one of the two is there. It is written beside the target and renamed; a link is followed.
--- When it fails or is cancelled nothing is left behind. Devices and pipes are written to directly.
---@async
---@param path string
---@param bytes string
---@param opts? table
---@field opts.mode? integer  permission bits, such as 0x180 (0600 in octal); default: those of the
--- file that is replaced, else what the umask leaves of 0666
---@field opts.exclusive? boolean  fail when something is there; of several writers one
---  succeeds; default false
---@error io disk_full  when there is no room
---@error io exists  when it is exclusive and something is there
---@error io permission  when the file or its directory cannot be written
---@example
--- moonherd.fs.write("report.txt", "all well\n")
--- print(moonherd.fs.read "report.txt")
function M.write(path, bytes, opts)
  local given = write_options(opts)
  check(core.write(path, bytes, given.mode, given.exclusive))
end

local stat_options = options.reader("fs.stat", {
  { "follow", "boolean", default = true },
})

--- Says what a path leads to.
---@async
---@param path string
---@param opts? table
---@field opts.follow? boolean  false: a link itself, not what it points to; default true
---@return table info
---@field info.type string  "file", "directory", "link", "fifo", "socket" or "device"
---@field info.size integer  bytes
---@field info.mode integer  permission bits
---@field info.mtime number  when it was changed last, in seconds since 1970
---@error io not_found  when nothing is there
---@example
--- print(moonherd.fs.stat("/").type)     --> directory
function M.stat(path, opts)
  return check(core.stat(path, stat_options(opts).follow))
end

--- Tells whether something is at a path. A link that leads nowhere is not.
---@async
---@param path string
---@return boolean exists
---@error io permission  when a folder on the way may not be searched
---@example
--- print(moonherd.fs.exists "/no/such/file")     --> false
function M.exists(path)
  local info, err = core.stat(path, true, "fs.exists")
  if info then return true end
  if err.reason == "not_found" or err.reason == "not_directory" then return false end
  error(err, 0)
end

--- The absolute path of what a path leads to: without links, "." and "..".
---@async
---@param path string
---@return string path
---@error io not_found  when nothing is there
---@example
--- print(moonherd.fs.realpath "/usr/../")     --> /
function M.realpath(path)
  return check(core.realpath(path))
end

--- Removes a file, a link (not what it points to), or an empty directory.
---@async
---@param path string
---@error io not_found  when nothing is there
---@error io not_empty  when a directory is not empty
---@example
--- moonherd.fs.write("old.txt", "")
--- moonherd.fs.remove "old.txt"
function M.remove(path)
  check(core.remove(path))
end

-- ---- directories -------------------------------------------------------------------------------

--- Makes a directory.
---@async
---@param path string
---@param mode? integer  permission bits, less the umask; default 0777 in octal
---@param recursive? boolean  make its parents too, and be content when it is there already;
---  default false
---@error io exists  when something is there already
---@error io not_found  when the parent is missing
---@example
--- moonherd.fs.mkdir("out/reports", nil, true)
function M.mkdir(path, mode, recursive)
  if mode ~= nil and math.type(mode) ~= "integer" then
    errors.usage("fs.mkdir: bad mode (integer expected, got %s)", type(mode))
  end
  if mode and (mode < 0 or mode > 0xFFF) then
    errors.usage("fs.mkdir: bad mode (0 to 4095, 7777 in octal, expected, got %d)", mode)
  end
  check(core.mkdir(path, mode or 511, recursive))
end

--- Lists the names in a directory, without "." and "..", in byte order.
---@async
---@param path string
---@return string[] names
---@error io not_directory  when the path is not a directory
---@example
--- for _, name in ipairs(moonherd.fs.list ".") do print(name) end
function M.list(path)
  return check(core.list(path))
end

-- The entries of a directory as a frame of the walk, or nil when it has gone meanwhile.
local function enter(path, prefix)
  local entries, id = core.entries(path)
  if entries then
    local parent = path:byte(-1) == 0x2F and path or path .. "/"
    return { path = parent, prefix = prefix, entries = entries, id = id, at = 0 }
  end
  local err = id
  local has_gone = err.reason == "not_found" or err.reason == "not_directory"
  if prefix == "" or not has_gone then error(err, 0) end
  return nil
end

--- Something below a folder: what moonherd.fs.walk gives.
---@class entry
---@field path string  the folder of the walk included
---@field name string  below that folder
---@field type string  "file", "directory", "link", "fifo", "socket" or "device"
---@field size integer  bytes; 0 for all but files
---@field is_link? boolean  true when a link leads to it, else nil
---@field changed integer  a number without a unit, another one when anything of the file was
---  changed

local walk_options = options.reader("fs.walk", {
  { "enter", "function" },
})

--- Iterates over everything below a directory: each directory in front of what is in it, the names
--- of one directory in byte order. Links are followed; one that leads nowhere, or back to a
--- directory that it is in, is given as type "link" and not entered. Reads one directory at a time.
---@async
---@param dir string
---@param opts? table
---@field opts.enter? function  is given the table of each directory; what is in it is left out
--- unless it returns true
---@return fun(): entry? next  for a generic `for`; nil at the end
---@error io not_found  when there is no such directory
---@example
--- for entry in moonherd.fs.walk "." do
---   if entry.type == "file" then print(entry.name, entry.size) end
--- end
function M.walk(dir, opts)
  local may_enter = walk_options(opts).enter
  local stack, inside, ahead = {}, {}, nil

  local function push(frame)
    if not frame then return end
    stack[#stack + 1] = frame
    inside[frame.id] = true
  end

  local function pop()
    inside[stack[#stack].id] = nil
    stack[#stack] = nil
  end

  -- What a directory lists becomes what the walk gives: there may be a hundred thousand of them.
  local function describe(frame, entry)
    local id = entry.id
    entry.path, entry.name, entry.id = frame.path .. entry.name, frame.prefix .. entry.name, nil
    if entry.type ~= "file" then entry.size = 0 end
    if entry.type ~= "directory" then return entry end
    if inside[id] then entry.type = "link"
    elseif not may_enter or may_enter(entry) then ahead = entry end
    return entry
  end

  push(enter(dir, ""))
  return function ()
    if ahead then
      local next = ahead
      ahead = nil
      push(enter(next.path, next.name .. "/"))
    end
    while #stack > 0 do
      local frame = stack[#stack]
      frame.at = frame.at + 1
      local entry = frame.entries[frame.at]
      if entry then return describe(frame, entry) end
      pop()
    end
  end
end

return M
