-- Asks a server everything the contract says about it, over HTTP:
--   moonherd run tests/conformance/run.lua [--base=URL --token-file=FILE --account=ID] [--filter=…]
-- Without --base it starts an embedded platform of its own. Everything happens in namespaces of a
-- random name, which are gone at the end; cases that only suit an account of our own, or that send
-- very much, are marked `live = false` and left out when there is a --base.
--
-- A case is a list of steps with a name and the section it stands on (`source`); `needs` says what
-- must be there first: "script" (a small one), {script = metadata}, {namespace = true} (an empty
-- one of its own). The last line is the count.

local coverage = require "tests.conformance.coverage"
local fs = require "moonherd.fs"
local hash = require "moonherd.hash"
local match = require "tests.conformance.match"
local moonherd = require "moonherd"
local requests = require "tests.conformance.requests"
local run_step = require("tests.conformance.step").run

local GROUPS = { "common", "envelopes", "namespaces", "script_collection", "upload",
  "upload_refusals", "metadata", "script", "content", "assets", "bindings", "secrets", "settings",
  "tags" }
local AT_ONCE = 4

-- ---- the target ---------------------------------------------------------------------------------

local function read_arguments()
  local options = {}
  for _, argument in ipairs(arg) do
    local name, value = argument:match "^%-%-([%a-]+)=(.*)$"
    assert(name, "what is '" .. argument .. "'?")
    options[name:gsub("-", "_")] = value
  end
  return options
end

-- An embedded platform on a directory of its own; closing the guard ends and removes it.
local function start_platform()
  local task = require "moonherd._task"
  local token, directory = hash.hex(hash.random(16)), "/tmp/moonherd-conformance-" .. hash.uuid()
  local platform = require "moonherd.platform".open { state = directory, token = token }
  local listening, port = task.waitlist(), nil
  local server = moonherd.spawn(platform.serve, platform, {
    host = "127.0.0.1",
    on_listen = function (listener)
      port = listener.port
      listening:wake()
    end,
  })
  while not port do listening:wait "the platform to listen" end
  local function stop()
    server:cancel()
    pcall(server.wait, server)
    platform:close()
    for _, name in ipairs(fs.list(directory)) do fs.remove(directory .. "/" .. name) end
    fs.remove(directory)
  end
  return {
    base = ("http://127.0.0.1:%d/client/v4"):format(port),
    token = token,
    account = hash.hex(hash.random(16)),
  }, setmetatable({}, { __close = stop })
end

local function required(options, name)
  local value = options[name]
  if not value or value == "" then
    error(("--%s is missing"):format((name:gsub("_", "-"))), 0)
  end
  return value
end

local function live_target(options)
  local token = fs.read(required(options, "token_file")):match "^%s*(.-)%s*$"
  moonherd.log.hide(token)
  return {
    base = options.base:gsub("/$", ""),
    token = token,
    account = required(options, "account"),
    is_live = true,
  }
end

-- ---- one case -----------------------------------------------------------------------------------

local function steps_before(case, prefix)
  local needs = case.needs
  if type(needs) == "string" then needs = { [needs] = true } end
  local steps = {}
  if needs and needs.namespace then
    steps[1] = { "POST ALL", json = { name = prefix } }
  end
  if needs and needs.script then
    steps[#steps + 1] = requests.put(needs.script ~= true and needs.script or nil)
  end
  return steps, needs and needs.namespace
end

-- Runs the steps until one fails; returns its failure with its number.
local function run_case(case, number, target)
  local own = ("%s-%d"):format(target.prefix, number)
  local before, has_own = steps_before(case, own)
  local saved = { account = target.account, ns = has_own and own or target.prefix,
    script = "script-" .. number, prefix = target.prefix }
  for i, steps in ipairs { before, case } do
    for j, step in ipairs(steps) do
      local failure = run_step(step, target, saved)
      if failure then
        failure.step = i == 1 and "before step 1" or ("step %d of %d"):format(j, #case)
        return failure
      end
    end
  end
end

-- ---- what is shown ------------------------------------------------------------------------------

-- A text for a person, without the tokens of assets in it.
local function shortened(text)
  text = tostring(text):gsub("eyJ[%w_-]+%.[%w_-]+%.[%w_-]+", "(a token)")
  text = text:gsub("[%c\x7F-\xFF]", function (c)
    return c == "\n" and "\n            " or ("\\x%02X"):format(c:byte())
  end):gsub("\\x0D", "")
  return #text > 600 and text:sub(1, 600) .. "…" or text
end

local function show_failure(group, case, failure, target)
  print(("not ok %s: %s (contract %s), %s"):format(group.operation, case.name, case.source,
    failure.step))
  local path = failure.request.url:sub(#target.base + 1)
  print(("  request   %s %s"):format(failure.request.method, shortened(path)))
  local body = failure.request.body
  if type(body) == "string" then print("  sent      " .. shortened(body)) end
  print("  expected  " .. shortened(failure.problem))
  local response = failure.response
  if response then
    print(("  got       %d %s"):format(response.status, shortened(response.body)))
  end
end

-- ---- all ----------------------------------------------------------------------------------------

local function load_groups()
  local groups = {}
  for _, name in ipairs(GROUPS) do
    for _, group in ipairs(require("tests.conformance." .. name)) do groups[#groups + 1] = group end
  end
  return groups
end

local number = 0

-- Runs the cases of a group; adds to the counts.
local function run_group(group, target, options, counts)
  local chosen = {}
  for _, case in ipairs(group) do
    number = number + 1
    local name = group.operation .. ": " .. case.name
    if target.is_live and case.live == false then
      counts.skipped = counts.skipped + 1
    elseif name:find(options.filter or "") then
      chosen[#chosen + 1] = { case = case, number = number }
    end
  end
  local failures = moonherd.map(chosen, { concurrency = AT_ONCE }, function (one)
    return run_case(one.case, one.number, target) or false
  end)
  local failed = 0
  for i, failure in ipairs(failures) do
    if failure then
      failed = failed + 1
      show_failure(group, chosen[i].case, failure, target)
    end
  end
  if #chosen == 0 then return end
  print(("%-38s %3d passed%s"):format(group.operation, #chosen - failed,
    failed > 0 and (", %d failed"):format(failed) or ""))
  counts.passed, counts.failed = counts.passed + #chosen - failed, counts.failed + failed
end

-- A step that belongs to no case.
local function must(step, target, saved)
  local failure = run_step(step, target, saved)
  if failure then
    error(("%s: %s\n%s"):format(step[1], failure.problem,
      failure.response and failure.response.body or ""), 0)
  end
end

local function percent_encoded(text)
  return (text:gsub("[^%w_-]", function (c) return ("%%%02X"):format(c:byte()) end))
end

-- Removes every namespace of this run, also those that cases have renamed.
local function clean_up(target)
  local saved = { account = target.account }
  must({ "GET ALL", expect = { result = match.save "all" } }, target, saved)
  for _, namespace in ipairs(saved.all) do
    local name = namespace.namespace_name
    if name:sub(1, #target.prefix) == target.prefix then
      saved.ns = percent_encoded(name)
      must({ "DELETE NS" }, target, saved)
    end
  end
end

local function run_all(target, options)
  local groups, counts = load_groups(), { passed = 0, failed = 0, skipped = 0 }
  target.prefix = "conformance-" .. hash.hex(hash.random(4))
  must({ "POST ALL", json = { name = target.prefix } }, target, { account = target.account })
  local is_done, failure = pcall(function ()
    for _, group in ipairs(groups) do run_group(group, target, options, counts) end
  end)
  clean_up(target)
  if not is_done then error(failure, 0) end
  for _, gap in ipairs(coverage.gaps(groups)) do
    print("not ok " .. gap)
    counts.failed = counts.failed + 1
  end
  return counts
end

local function main()
  local options = read_arguments()
  local target, platform
  if options.base then target = live_target(options) else target, platform = start_platform() end
  local _ <close> = platform
  return run_all(target, options)
end

local counts = main()
print(("%d passed, %d failed%s"):format(counts.passed, counts.failed,
  counts.skipped > 0 and (", %d skipped"):format(counts.skipped) or ""))
return counts.failed == 0 and counts.passed > 0
