-- Runs spec files with busted, inside the host, so that tests may wait. Around every file there are
-- surroundings of its own (place.lua), around every test a deadline and a look at what it leaves
-- (leaks.lua). Knows nothing of how results are shown: it hands them to a reporter, one by one.
local async = require "moonherd.async"
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local leaks = require "moonherd.testing.leaks"
local place = require "moonherd.testing.place"
local standard = require "moonherd.testing.standard"

local error, os_clock, gethook, sethook = error, os.clock, debug.gethook, debug.sethook

local M = {}

-- With a virtual clock waiting costs nothing: a test that waits for what never comes gets there at
-- once, and one that rehearses a month does not.
local VIRTUAL_DEADLINE = 366 * 24 * 3600
local ROUNDING = 0.001
local MOST_FRAMES = 200
local INSTRUCTIONS = 1000000 -- between two looks at whether a test that never waits is late

-- ---- where it happened --------------------------------------------------------------------------

local function is_of_library(info)
  return info.what == "C" or info.source:find("^@.*/busted/[^/]*$") ~= nil
    or info.source:find("^@.*/luassert/.*%.lua$") ~= nil
    or info.source:find("=[moonherd.", 1, true) == 1
end

local function line_of(info)
  local name = info.name and ("function '%s'"):format(info.name) or "a function"
  return ("%s:%d: in %s"):format(info.short_src, info.currentline, name)
end

local raised -- where the error of the running test was raised

-- In the place of busted's own: debug.traceback looks for the name of every function in all modules
-- there are, and busted asks for one at every test, not only at those that fail.
local function get_trace(_, level, message)
  if raised then return raised end
  local trace, stack = nil, {}
  for at = level or 3, MOST_FRAMES do
    local info = debug.getinfo(at, "Sln")
    local is_library = not info or is_of_library(info)
    if not info or trace and is_library and info.what ~= "C" then break end
    if not is_library then
      trace = trace or info
      stack[#stack + 1] = line_of(info)
    end
  end
  trace = trace or { short_src = "?", currentline = 0 }
  trace.stack, trace.message, trace.traceback = stack, message, ""
  return trace
end

-- ---- around a test -----------------------------------------------------------------------------

-- The innermost one is it.
local function keep_trace(value)
  raised = raised or get_trace(nil, 3, value)
end

-- Calls `run` with a hook that ends loops which never wait. `what` it is: "the test". All code is
-- slower under a hook: nothing of ours runs in here.
local function with_hook(what, seconds, run)
  local ends = os_clock() + seconds
  local hook, mask, count = gethook()
  sethook(function ()
    if os_clock() < ends then return end
    error(("%s took longer than %g s, and did not wait"):format(what, seconds), 0)
  end, "", INSTRUCTIONS)
  local _ <close> = setmetatable({}, { __close = function ()
    sethook(hook, mask, count)
  end })
  run()
end

local function call(what, seconds, run)
  standard.call(with_hook, keep_trace, what, seconds, run)
end

local function with_deadline(seconds, run)
  local limit = clock.is_virtual() and VIRTUAL_DEADLINE or seconds
  local began = clock.now()
  local ok, err = pcall(async.timeout, limit, run)
  if ok then return end
  -- Of a year in seconds a number keeps no more than some ten millionths.
  local is_over = clock.now() - began >= limit - ROUNDING
  if errors.is(err) and err.kind == "timeout" and is_over then
    local what = err.message:match "while (waiting for .*)" or "not waiting"
    err.message = limit == seconds and ("the test took longer than %g s, %s"):format(seconds, what)
      or ("the test would take for ever, %s"):format(what)
  end
  error(err, 0)
end

-- A test is more than its function: what runs before and after each is of it. A loop that never
-- waits is ended in other pieces, too. Waits are not: what they spawn may go on beside the tests.
local function runner_of(descriptor, run, element, seconds)
  if descriptor == "it" then
    return function ()
      local before = leaks.look()
      with_deadline(seconds, function ()
        call("the test", seconds, run)
        leaks.check(before)
      end)
    end
  end
  if run ~= element.run then return function () return standard.call(run, keep_trace) end end
  local what = descriptor == "file" and "loading the file" or descriptor:gsub("^strict_", "")
  return function () call(what, seconds, run) end
end

-- busted calls `safe` for every piece that it runs. What it tells before and behind a test ("test")
-- runs nothing of anybody else's.
local function guard(busted, seconds)
  local safe = busted.safe
  busted.getTrace = get_trace
  function busted.safe(descriptor, run, element)
    if descriptor == "test" then return safe(descriptor, run, element) end
    raised = nil
    local runner = runner_of(descriptor, run, element, seconds)
    local result = table.pack(safe(descriptor, runner, element))
    raised = nil
    return table.unpack(result, 1, result.n)
  end
end

-- ---- around a file -----------------------------------------------------------------------------

local function surround_files(busted)
  local before
  busted.subscribe({ "file", "start" }, function (file)
    place.enter(file.name)
    before = leaks.look()
    return nil, true
  end)
  busted.subscribe({ "file", "end" }, function ()
    local ok, err = pcall(leaks.check, before)
    place.leave()
    if not ok then error(err, 0) end
    return nil, true
  end)
  busted.subscribe({ "test", "end" }, function ()
    require "moonherd.test"._reset()
    return nil, true
  end)
end

-- ---- results -----------------------------------------------------------------------------------

local function names_of(busted, element)
  local names, file = {}, nil
  while element and element.descriptor ~= "suite" do
    if element.descriptor == "file" then file = element.name
    else table.insert(names, 1, element.name or element.descriptor) end
    element = busted.context.parent(element)
  end
  return table.concat(names, " "), file
end

local function place_of(trace)
  return trace and trace.short_src and ("%s:%d"):format(trace.short_src, trace.currentline)
end

-- A stack of one line says what the message has said.
local function failure_of(message, trace)
  local value, stack = trace and trace.message, trace and trace.stack or {}
  return {
    message = tostring(message):gsub("^%?:0: ", ""), stack = #stack > 1 and stack or {},
    hint = errors.is(value) and value.hint or nil,
  }
end

-- Collects what busted tells: a result a test, and one for every error outside of a test.
local function collect(busted, reporter)
  local counts = { success = 0, failure = 0, error = 0, pending = 0 }
  local failures = {}
  local function add(element, status)
    local name, file = names_of(busted, element)
    counts[status] = counts[status] + 1
    reporter.result {
      name = name ~= "" and name or file, file = file, status = status, failures = failures,
      place = place_of(element.trace), seconds = element.duration or 0,
    }
    failures = {}
  end
  local function on_failure(element, _, message, trace)
    failures[#failures + 1] = failure_of(message, trace)
    if element.descriptor ~= "it" then add(element, "error") end
    return nil, true
  end
  busted.subscribe({ "failure" }, on_failure)
  busted.subscribe({ "error" }, on_failure)
  busted.subscribe({ "pending" }, function (_, _, message)
    if type(message) == "string" then failures = { { message = message, stack = {} } } end
    return nil, true
  end)
  busted.subscribe({ "test", "end" }, function (element, _, status)
    add(element, status)
    return nil, true
  end)
  return counts
end

-- ---- filters -----------------------------------------------------------------------------------

-- Tags are words with a # in front, in the name of a test or of what is around it.
local function has_tag(name, tags)
  for _, tag in ipairs(tags) do
    if (name .. " "):find("#" .. tag .. " ", 1, true) then return true end
  end
  return false
end

local function is_chosen(name, options)
  if options.filter and not name:find(options.filter) then return false end
  if options.tags[1] and not has_tag(name, options.tags) then return false end
  return not has_tag(name, options.exclude_tags)
end

local function filter(busted, options)
  for _, descriptor in ipairs { "it", "pending" } do
    busted.subscribe({ "register", descriptor }, function (name)
      local parents = names_of(busted, busted.context.get())
      return nil, is_chosen(parents .. " " .. tostring(name), options)
    end, { priority = 1 })
  end
end

-- ---- running -----------------------------------------------------------------------------------

-- busted forgets after each file what that has loaded. What there must be once is loaded before.
local function load_what_stays()
  local moonherd = require "moonherd"
  local _, _, _ = moonherd.connect, moonherd.inherit, moonherd.sh -- which has env and secret
  require "moonherd.test"
end

--- Runs spec files, one after the other.
---@async
---@param files string[]
---@param options table
---@field options.timeout number  seconds for each test
---@field options.filter? string  a pattern that full names must match
---@field options.tags string[]  run what has one of them; none: everything
---@field options.exclude_tags string[]  and none of these
---@param reporter table  gets a call of `result` for each test and each error outside of one
---@return table counts  of success, failure, error and pending
function M.run(files, options, reporter)
  load_what_stays()
  standard.remember()
  leaks.watch()
  local busted = require "busted.core"()
  guard(busted, options.timeout)
  require "busted"(busted)
  filter(busted, options)
  surround_files(busted)
  local counts = collect(busted, reporter)
  local load_files = require "busted.modules.test_file_loader"(busted, { "lua" })
  load_files(files, {}, { excludes = {}, recursive = false })
  require "busted.execute"(busted)(1, {})
  return counts
end

return M
