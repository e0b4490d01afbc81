-- fs.watch: what changes below a folder, in batches. Each folder is watched by itself, new ones as
-- they come.
local core = require "moonherd._fs"
local errors = require "moonherd.error"
local methods = require "moonherd._methods"
local options = require "moonherd._options"
local paths = require "moonherd._fs_paths"

local M = {}

local MOST_ROUNDS <const> = 20 -- of waiting for quiet: a file that never rests must be told of

--- What tells of changes below a folder: what moonherd.fs.watch returns.
---@class watch
---@call string[]?  waits for the next changes and gives their paths, in byte order; nil once it is
--- closed or the folder itself is gone, so that `for paths in watch do` ends then
local Watch = {}
Watch.__index = Watch
Watch.__name = "moonherd.watch"

-- Watches a folder and, when asked to, those in it. What is in it goes to `changed`, when given: it
-- may have come before the folder was watched.
local function add_folder(self, folder, changed)
  if self._known[folder] then return end
  local is_watched, err = self._core:add(folder)
  if not is_watched then return err end
  self._known[folder] = true
  for _, entry in ipairs(self._is_recursive and core.entries(folder) or {}) do
    local path = paths.join(folder, entry.name)
    if changed then changed[path] = true end
    if entry.type == "directory" and not entry.is_link then
      err = add_folder(self, path, changed)
      if err and err.reason ~= "not_found" then return err end
    end
  end
end

local function forget_folder(self, folder)
  for known in pairs(self._known) do
    if known == folder or known:sub(1, #folder + 1) == folder .. "/" then
      self._core:remove(known)
      self._known[known] = nil
    end
  end
end

-- A changed path may be a folder that has come or gone.
local function follow(self, path, changed)
  local info = core.stat(path, false)
  if not info or info.type ~= "directory" then return forget_folder(self, path) end
  local err = add_folder(self, path, changed)
  if err and err.reason ~= "not_found" then error(err, 0) end
end

-- A folder that has gone tells it under its own name, as if it were something in it.
local function is_its_end(folder, name)
  return name == paths.basename(folder) and not core.stat(folder, false)
end

local function take(self, changed)
  local list = self._core:wait()
  for i = 1, #list, 2 do
    local folder, name = list[i], list[i + 1]
    local is_ours = name:find "^%.moonherd%-%x+%.tmp$" -- of fs.write, which renames it
    if is_its_end(folder, name) then
      changed[folder] = true
      if folder == self._folder then self._is_over = true end
    elseif not is_ours and (not self._only or name == self._only) then
      changed[paths.join(folder, name)] = true
    end
  end
end

-- Also ends when the watch has been closed meanwhile.
local function wait_for_quiet(self, changed)
  local sleep = require "moonherd.async".sleep
  for _ = 1, MOST_ROUNDS do
    sleep(self._debounce)
    if self._is_closed or self._is_over or not self._core:has_changes() then return end
    take(self, changed)
  end
end

local function sorted(set)
  local list = {}
  for path in pairs(set) do list[#list + 1] = path end
  table.sort(list)
  return list
end

function Watch:__call()
  if self._is_over then self:close() end
  if self._is_closed then return nil end
  local changed = {}
  repeat
    take(self, changed)
    wait_for_quiet(self, changed)
    if self._is_closed then return nil end
  until next(changed)
  if self._is_recursive then
    for _, path in ipairs(sorted(changed)) do follow(self, path, changed) end
  end
  return sorted(changed)
end

--- Ends watching: a loop over it ends.
---@error none
---@example
--- local changes = moonherd.fs.watch "."
--- changes:close()
--- print(changes())     --> nil
function Watch:close()
  self._is_closed = true
  self._core:close()
end

methods.guard(Watch, "watch")

function Watch:__close() self:close() end

local read_options = options.reader("fs.watch", {
  { "debounce", "duration", default = 0.1 },
  { "recursive", "boolean", default = true },
})

--- Watches a file, or a folder and all below it, and gives what has changed once it is quiet:
--- written, made, removed or renamed, which are not told apart. Links to folders are not followed.
--- When the folder itself goes, its own path is among the last ones.
---@async
---@param path string
---@param opts? table
---@field opts.debounce? duration  without changes before they are given; default
--- 100 ms; after twenty times that they are given in any case
---@field opts.recursive? boolean  false: the folder alone; default true
---@return watch changes  called, as a `for` does, it waits and returns a list of paths, in byte
--- order; `<close>` it, or call `:close()`
---@error io not_found  when nothing is there
---@error io no_resources  when the system allows no more folders to be watched
---@example
--- local tmp <close> = moonherd.fs.temp_dir()
--- local changes <close> = moonherd.fs.watch(tmp.path, { debounce = "10ms" })
--- moonherd.fs.write(moonherd.fs.join(tmp.path, "page.html"), "")
--- for paths in changes do
---   print(moonherd.fs.basename(paths[#paths]))     --> page.html
---   break
--- end
function M.watch(path, opts)
  if type(path) ~= "string" then
    errors.usage("fs.watch: bad path (string expected, got %s)", type(path))
  end
  opts = read_options(opts)
  local info, missing = core.stat(path, true, "fs.watch")
  if not info then error(missing, 0) end
  local is_folder = info.type == "directory"
  local self = setmetatable({
    _core = require "moonherd._watch".new(), _known = {}, _debounce = opts.debounce,
    _is_recursive = is_folder and opts.recursive, _only = not is_folder and paths.basename(path),
    _folder = is_folder and path or paths.dirname(path),
  }, Watch)
  local err = add_folder(self, self._folder)
  if not err then return self end
  self:close()
  error(err, 0)
end

return M
