-- moonherd test: busted specs inside the host, each file on an embedded platform of its own.
local clock = require "moonherd._clock"
local fs = require "moonherd.fs"
local host = require "moonherd._host"
local moonherd_try = require "moonherd.async".try
local options_of = require "moonherd._options"
local parser = require "moonherd.cli.parser"
local tty = require "moonherd._tty"
local words = require "moonherd._words"

local FOLDERS = { "spec", "tests", "test" }
local FORMATS = { "terminal", "tap", "junit" }
local IS_FORMAT = { terminal = true, tap = true, junit = true }

local EPILOG = [[
PATH is a spec file, or a folder: then all its files that end in _spec.lua. Without one: the folder
spec, tests or test. Tests have the functions of busted, and `require "moonherd.test"`.
Exit codes: 0 all passed, 1 some did not or there were none, 2 usage.]]

local M = {}

--- Its arguments and options.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("PATH", "A spec file, or a folder with some."):args "*"
  p:option("--filter", "Run tests whose full name matches a Lua pattern."):argname "PATTERN"
  p:option("--tags", "Run tests with one of these #tags in their name."):argname "TAG,TAG"
  p:option("--exclude-tags", "And none with one of these."):argname "TAG,TAG"
  p:option("--timeout", "Of every single test.", "30s"):argname "DURATION"
  p:option("--output", "terminal, tap or junit; =FILE writes it there, beside what is shown.")
    :argname "FORMAT[=FILE]":count "*"
  p:epilog(EPILOG)
end

-- ---- what to run -------------------------------------------------------------------------------

local function default_paths()
  for _, folder in ipairs(FOLDERS) do
    if fs.exists(folder) then return { folder } end
  end
  return parser.refuse "there is no folder spec, tests or test here; name a file or a folder"
end

local function is_visible(folder)
  return fs.basename(folder.path):sub(1, 1) ~= "."
end

local function stem_of(name)
  return (name:gsub("%.lua$", ""):gsub("_spec$", ""))
end

-- " (did you mean 'spec/deploy_spec.lua'?)" for spec/deploy, spec/deploy.lua, spec/deply_spec.lua.
local function meant(path)
  local folder, wanted = fs.dirname(path), fs.basename(path)
  local stems, names = {}, {}
  local is_folder = fs.exists(folder) and fs.stat(folder).type == "directory"
  for _, name in ipairs(is_folder and fs.list(folder) or {}) do
    local stem = stem_of(name)
    stems[#stems + 1], names[stem] = stem, name
  end
  local nearest = options_of.nearest(stem_of(wanted), stems)
  return nearest and (" (did you mean '%s'?)"):format(path:sub(1, -#wanted - 1) .. names[nearest])
    or ""
end

local function type_of(path)
  local info, err = moonherd_try(fs.stat, path)
  if info then return info.type end
  if err.reason == "not_found" then
    parser.refuse("cannot open %s: no such file or folder%s", path, meant(path))
  end
  return parser.refuse("%s", err.message)
end

local function add_files(files, path)
  local kind = type_of(path)
  if kind ~= "directory" then
    if not path:find "%.lua$" then parser.refuse("%s is not a Lua file", path) end
    if kind ~= "file" then parser.refuse("%s is a %s, not a file", path, kind) end
    files[#files + 1] = path
    return
  end
  local found = {}
  for entry in fs.walk(path, { enter = is_visible }) do
    if entry.type == "file" and entry.path:find "_spec%.lua$" then
      found[#found + 1] = entry.path
    end
  end
  if #found == 0 then parser.refuse("%s has no files that end in _spec.lua", path) end
  table.sort(found)
  table.move(found, 1, #found, #files + 1, files)
end

local function files_of(paths)
  local files = {}
  for _, path in ipairs(paths[1] and paths or default_paths()) do add_files(files, path) end
  return files
end

local function split(list)
  local tags = {}
  for tag in (list or ""):gmatch "[^,%s]+" do tags[#tags + 1] = tag:gsub("^#", "") end
  return tags
end

local function check_pattern(pattern)
  local ok, why = pcall(string.find, "", pattern or "")
  if not ok then parser.refuse("--filter: '%s' is not a Lua pattern (%s)", pattern, why) end
  return pattern
end

local function read_timeout(text)
  local seconds = words.seconds(text)
  if seconds and seconds > 0 then return seconds end
  return parser.refuse("--timeout: '%s' is not a duration such as 90s or 5m", text)
end

-- ---- how it is shown ---------------------------------------------------------------------------

local stdout = io.stdout

-- A pair of functions: what a reporter writes with, and what ends its file.
local function writer(path)
  if not path then return function (...) stdout:write(...) end, function () end end
  local pieces = {}
  return function (...) table.move({ ... }, 1, select("#", ...), #pieces + 1, pieces) end,
    function () fs.write(path, table.concat(pieces)) end
end

local function new_reporter(text)
  local format, path = text:match "^([^=]*)=?(.*)$"
  if not IS_FORMAT[format] then
    parser.refuse("--output: '%s' is unknown%s", format,
      options_of.suggestion(format, FORMATS, "formats"))
  end
  local is_shown = path == ""
  local write, finish = writer(not is_shown and path or nil)
  local has_colour = is_shown and tty.takes_colour()
  return require("moonherd.testing." .. format)(write, has_colour), finish, is_shown and format
end

-- All that is asked for; one of them is on stdout, the terminal's unless told otherwise.
local function new_reporters(list)
  local reporters, finishers, shown = {}, {}, nil
  for i, text in ipairs(list) do
    local format
    reporters[i], finishers[i], format = new_reporter(text)
    if shown and format then parser.refuse "--output: one is shown, =FILE writes another" end
    shown = shown or format
  end
  if not shown then
    reporters[#reporters + 1], finishers[#finishers + 1] = new_reporter "terminal"
  end
  return {
    result = function (result)
      for _, reporter in ipairs(reporters) do reporter.result(result) end
    end,
    finish = function (counts, seconds)
      for i, reporter in ipairs(reporters) do
        reporter.finish(counts, seconds)
        finishers[i]()
      end
    end,
  }, shown
end

-- What tests print must not get between the lines of a format that programs read.
local function keep_output_apart()
  local stderr = io.stderr
  io.output(stderr)
  io.stdout = stderr -- luacheck: ignore 122
  function print(...) -- luacheck: ignore 121
    local texts = table.pack(...)
    for i = 1, texts.n do texts[i] = tostring(texts[i]) end
    stderr:write(table.concat(texts, "\t"), "\n")
  end
end

-- ---- running -----------------------------------------------------------------------------------

local function check_busted()
  if package.searchpath("busted.core", package.path) then return end
  parser.refuse("test needs busted, which is not installed: apt install lua-busted, "
    .. "or luarocks install busted")
end

local function check_common()
  if not host.options.state then return end
  parser.refuse "--state: every spec file has a state directory of its own, which goes away"
end

--- Runs what is asked for, and shows it.
---@async
---@param options table
---@return boolean is_good  whether all passed
function M.run(options)
  check_busted()
  check_common()
  local files = files_of(options.PATH)
  local chosen = {
    filter = check_pattern(options.filter), timeout = read_timeout(options.timeout),
    tags = split(options.tags), exclude_tags = split(options.exclude_tags),
  }
  local reporter, shown = new_reporters(options.output)
  if shown and shown ~= "terminal" then keep_output_apart() end
  local began = clock.wall()
  local counts = require "moonherd.testing.suite".run(files, chosen, reporter)
  reporter.finish(counts, clock.wall() - began)
  if counts.success + counts.failure + counts.error + counts.pending == 0 then
    local is_chosen = options.filter or options.tags or options.exclude_tags
    parser.refuse(is_chosen and "no test has such a name"
      or "there is no test in " .. table.concat(files, ", "))
  end
  return counts.failure + counts.error == 0 and counts.success > 0
end

return M
