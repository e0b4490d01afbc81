-- Temporary files and folders of moonherd.fs, which go when their block ends, and fs.remove_all.
local core = require "moonherd._fs"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local options = require "moonherd._options"
local paths = require "moonherd._fs_paths"

local M = {}

local function check(value, err)
  if value == nil then error(err, 0) end
  return value
end

-- Links are removed, never followed. What goes meanwhile is gone.
local function remove_tree(path)
  local info, err = core.stat(path, false)
  if info and info.type == "directory" then
    for _, name in ipairs(check(core.list(path))) do remove_tree(paths.join(path, name)) end
  end
  if info then info, err = core.remove(path) end
  if not info and err.reason ~= "not_found" then error(err, 0) end
end

--- Removes a file, a link, or a folder with all that is in it, never what links lead to. Is content
--- when nothing is there. Refuses the root, the folder this process is in and those above it, and
--- paths that end in "." or "..".
---@async
---@param path string
---@error io permission  when something may not be removed; the rest may be gone by then
---@error usage usage  for a folder that it refuses
---@example
--- moonherd.fs.mkdir("old/deep", nil, true)
--- moonherd.fs.remove_all "old"
--- print(moonherd.fs.exists "old")     --> false
function M.remove_all(path)
  if type(path) ~= "string" or path == "" then
    errors.usage("fs.remove_all: bad path (string expected, got %s)",
      path == "" and "an empty one" or type(path))
  elseif path:find("\0", 1, true) then
    errors.usage "fs.remove_all: bad path (it has a zero byte)"
  end
  local name = paths.basename(path)
  if name == "." or name == ".." then
    errors.usage("fs.remove_all: refuses to remove '%s': give the folder by its name", path)
  end
  local whole = paths.absolute(path)
  if whole == "/" then errors.usage "fs.remove_all: refuses to remove the root" end
  if (paths.absolute "." .. "/"):sub(1, #whole + 1) == whole .. "/" then
    errors.usage("fs.remove_all: refuses to remove '%s': this process is in it", path)
  end
  remove_tree(path:match "^.*[^/]") -- with a slash behind it, a link would be followed
end

-- ---- temporary ones ----------------------------------------------------------------------------

--- A file or folder that is removed with its variable: `local tmp <close> = fs.temp_dir()`.
---@class temporary
---@field path string  in full, when TMPDIR and `dir` are
local Temporary = {}
Temporary.__index = Temporary
Temporary.__name = "moonherd.temporary"

function Temporary:__tostring() return self.path end

function Temporary:__close() self:remove() end

--- Removes it now. Is content when it is gone.
---@async
---@error as moonherd.fs.remove_all
---@example
--- local tmp = moonherd.fs.temp_dir()
--- tmp:remove()
--- print(moonherd.fs.exists(tmp.path))     --> false
function Temporary:remove()
  remove_tree(self.path)
end

methods.guard(Temporary, "temporary")

local function check_text(text)
  return text:find("\0", 1, true) and "it has a zero byte" or nil
end

local FIELDS = {
  { "dir", "string", check = check_text },
  { "prefix", "string", default = "moonherd-", check = check_text },
}
local read_dir_options = options.reader("fs.temp_dir", FIELDS)
local read_file_options = options.reader("fs.temp_file", {
  FIELDS[1], FIELDS[2], { "suffix", "string", default = "", check = check_text },
  { "bytes", "string", default = "" },
})

local ATTEMPTS <const> = 16 -- at a free name: one is enough but for a miracle

-- Calls make(path) with new names until one was free.
local function make_named(who, opts, make)
  for _, field in ipairs { "prefix", "suffix" } do
    if opts[field] and opts[field]:find("/", 1, true) then
      errors.usage("%s: bad option '%s' (a part of a name expected, got '%s')", who, field,
        opts[field])
    end
  end
  local hash = require "moonherd.hash"
  local folder = opts.dir or os.getenv "TMPDIR" or ""
  if folder == "" then folder = "/tmp" end
  for attempt = 1, ATTEMPTS do
    local name = opts.prefix .. hash.hex(hash.random(8)) .. (opts.suffix or "")
    local path = paths.join(folder, name)
    local made, err = make(path)
    if made then return setmetatable({ path = path }, Temporary) end
    if err.reason ~= "exists" or attempt == ATTEMPTS then error(err, 0) end
  end
end

--- Makes a temporary folder that only this user may enter. It goes with all that is in it when its
--- block ends, however it ends.
---@async
---@param opts? table
---@field opts.dir? string  where; default TMPDIR, else /tmp
---@field opts.prefix? string  what its name begins with; default "moonherd-"
---@return temporary folder
---@error io not_found  when `dir` is not there
---@example
--- local tmp <close> = moonherd.fs.temp_dir()
--- moonherd.fs.write(moonherd.fs.join(tmp.path, "x"), "42")
--- print(moonherd.fs.list(tmp.path)[1])     --> x
function M.temp_dir(opts)
  return make_named("fs.temp_dir", read_dir_options(opts), function (path)
    return core.mkdir(path, 448, false)
  end)
end

--- Makes a temporary file that only this user may read. It goes when its block ends.
---@async
---@param opts? table
---@field opts.dir? string  where; default TMPDIR, else /tmp
---@field opts.prefix? string  what its name begins with; default "moonherd-"
---@field opts.suffix? string  what it ends with, such as ".json"; default ""
---@field opts.bytes? string  what is in it; default ""
---@return temporary file
---@error io not_found  when `dir` is not there
---@example
--- local tmp <close> = moonherd.fs.temp_file { suffix = ".json", bytes = "{}" }
--- print(moonherd.fs.read(tmp.path))     --> {}
function M.temp_file(opts)
  opts = read_file_options(opts)
  return make_named("fs.temp_file", opts, function (path)
    return core.write(path, opts.bytes, 384, true)
  end)
end

return M
