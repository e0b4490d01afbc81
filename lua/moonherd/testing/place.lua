-- The surroundings that every spec file has to itself: an embedded platform on a state directory of
-- its own, the clock, the folder that relative paths start at, and an os.exit that ends nothing.
local async = require "moonherd.async"
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local host = require "moonherd._host"
local link = require "moonherd._platform"

local M = {}

local files = 0 -- begun so far
local current   -- what is to be put back when the file ends

local function refuse_exit(code)
  errors.raise {
    kind = "usage", reason = "os_exit", code = code,
    message = ("os.exit(%s) was called: a test cannot end the program"):format(code or ""),
    hint = "moonherd.test.run takes the exit code of a script",
  }
end

local function fresh_state()
  files = files + 1
  local folder, err = link.scratch_dir()
  if not folder then error(err, 0) end
  return fs.join(folder, "test-" .. files)
end

--- Begins a file.
---@param path string
function M.enter(path)
  local folder = fs.dirname(path)
  current = {
    exit = os.exit, path = package.path, was_virtual = clock.is_virtual(),
    state = host.options.state, script_dir = host.options.script_dir,
  }
  host.options.state, host.options.script_dir = fresh_state(), folder
  package.path = fs.join(folder, "?.lua") .. ";" .. package.path
  os.exit = refuse_exit -- luacheck: ignore 122
end

--- Ends it: its platform is closed.
---@async
function M.leave()
  local state = host.options.state
  clock.set_virtual(current.was_virtual)
  host.options.state, host.options.script_dir = current.state, current.script_dir
  os.exit = current.exit -- luacheck: ignore 122
  package.path = current.path
  current = nil
  while not link.close(state) do async.sleep(0.001) end
end

--- Whether a spec file is being run.
function M.is_inside()
  return current ~= nil
end

return M
