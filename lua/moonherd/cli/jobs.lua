-- moonherd jobs: the bulk runs of the state directory, as their ledgers tell of them.
local copies = require "moonherd.fleet.ledger_copies"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local host = require "moonherd._host"
local json = require "moonherd.json"
local ledgers = require "moonherd.fleet.ledgers"
local listed = require "moonherd.fleet.listed"
local log = require "moonherd._log"
local moonherd_try = require "moonherd.async".try
local options_of = require "moonherd._options"
local owners = require "moonherd.fleet.owner"
local parser = require "moonherd.cli.parser"
local printable = require "moonherd._printable"
local source = require "moonherd._source"

local SHOWN_FAILURES = 20
local CONCURRENCY = 16 -- scripts rolled back at once

local M = {}

--- Its arguments and options.
---@param p table  a parser of argparse
function M.configure(p)
  p:argument("ACTION", "list, show, resume, rollback or forget."):choices {
    "list", "show", "resume", "rollback", "forget",
  }
  p:argument("NAME", "The job."):args "?"
  p:option("--ledger", "Its ledger, when that is not in the state directory."):argname "FILE"
  p:flag("--force", "Roll back also what somebody else has changed since.")
  p:flag("--json", "Print JSON: an array, or an object.")
end

local function say(format, ...)
  print(printable.line(format:format(...)))
end

local function paths_in(folder)
  local paths = {}
  for _, name in ipairs(fs.exists(folder) and fs.list(folder) or {}) do
    if name:find "%.db$" then paths[#paths + 1] = fs.join(folder, name) end
  end
  table.sort(paths)
  return paths
end

local function raise_missing(name)
  local names = paths_in(ledgers.folder())
  for i, path in ipairs(names) do names[i] = fs.basename(path):gsub("%.db$", "") end
  local nearest = options_of.nearest(name, names)
  errors.raise {
    kind = "io", reason = "not_found",
    message = ("there is no job '%s' in %s%s"):format(name, ledgers.folder(),
      nearest and (" (did you mean '%s'?)"):format(nearest) or ""),
    hint = "moonherd jobs list shows those of this state directory; --state names another",
  }
end

local function path_of(options)
  if options.ledger then return options.ledger end
  if not options.NAME then parser.refuse("jobs %s needs the name of a job", options.ACTION) end
  local path = ledgers.path(ledgers.check_name(options.NAME, "jobs " .. options.ACTION))
  if not fs.exists(path) then raise_missing(options.NAME) end
  return path
end

-- ---- what is told ------------------------------------------------------------------------------

-- Who runs the job, as text; how many items those hold who died; who ran it last.
local function look_at_owners(ledger)
  local watch, running, held, last = owners.watch(owners.me()), json.array {}, 0, nil
  for _, owner in ipairs(ledger:list_owners()) do
    last = owner
    if watch:is_alive(owner) then
      running[#running + 1] = owners.name(owner)
    else
      held = held + owner.held
    end
  end
  return running, held, last
end

local function state_of(running, held)
  return #running > 0 and "running" or held > 0 and "interrupted" or "ended"
end

-- A ledger to look at. SQLite writes even to read: what cannot be written is copied first.
local function open_to_look(path)
  local ledger, err = moonherd_try(ledgers.open_existing, path)
  if ledger then return ledger end
  if err.reason ~= "read_only" then error(err, 0) end
  ledger = ledgers.open_existing(copies.of(path))
  ledger.path = path
  return ledger
end

local function summary_of(path)
  local ledger <close> = open_to_look(path)
  local running, held, last = look_at_owners(ledger)
  local counts = ledger:count()
  return {
    state = state_of(running, held),
    name = ledger.job.name, ledger = ledger.path, done = counts.done, failed = counts.failed,
    running = counts.running - held, interrupted = held, requests = counts.requests,
    owners = running, last_run = last and last.began, last_by = last and owners.name(last),
    origin = json.decode(ledger.job.origin), place = ledger.job.place,
  }
end

local function date_of(seconds)
  return seconds and os.date("!%Y-%m-%d %H:%M:%SZ", seconds // 1) or "never"
end

local function state_text(job)
  if job.state ~= "running" then return job.state end
  return "running: " .. table.concat(job.owners, ", ")
end

-- ---- list --------------------------------------------------------------------------------------

local ROW = "%-24s %7s %7s %7s  %-20s  %s"

-- The jobs of some ledgers. What else lies in the folder is told, and does not hide the others.
local function jobs_at(paths)
  local jobs = json.array {}
  for _, path in ipairs(paths) do
    local job, err = moonherd_try(summary_of, path)
    if job then jobs[#jobs + 1] = job else log.write("warn", err.message) end
  end
  return jobs
end

local function list(options)
  local jobs = options.ledger and json.array { summary_of(options.ledger) }
    or jobs_at(paths_in(ledgers.folder()))
  if options.json then return print(json.pretty(jobs)) end
  if #jobs == 0 then
    print("no jobs in " .. ledgers.folder())
    return print "a ledger that a script has given a place of its own: --ledger FILE"
  end
  say(ROW, "NAME", "DONE", "FAILED", "FLIGHT", "LAST RUN", "STATE")
  for _, job in ipairs(jobs) do
    say(ROW, job.name, job.done, job.failed, job.running + job.interrupted, date_of(job.last_run),
      state_text(job))
  end
end

-- ---- show --------------------------------------------------------------------------------------

local function failures_of(path, most)
  local failures = json.array {}
  local function open() return open_to_look(path) end
  for item in listed.iterator(open, "failed") do
    if #failures == most then break end
    failures[#failures + 1] = item
  end
  return failures
end

-- A word as a shell takes it.
local function quoted(word)
  if word:find "^[%w_./:=@%%+,-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function command_of(origin)
  if not origin.script then return "none" end
  local words = { "moonherd run", quoted(origin.script) }
  for _, word in ipairs(origin.arguments) do words[#words + 1] = quoted(word) end
  return table.concat(words, " ")
end

-- What to type next; nil when nothing is left to do, or somebody is at it.
local function next_command(job)
  local is_left = job.state == "interrupted" or job.state == "ended" and job.failed > 0
  if not is_left then return nil end
  local can_resume = job.origin.script and job.origin.is_whole ~= false
  return can_resume and "moonherd jobs resume --ledger " .. quoted(job.ledger)
    or "run it again as you did"
end

local function print_job(job)
  say("job      %s (%s)", job.name, state_text(job))
  say("ledger   %s", job.ledger)
  if job.place then say("place    %s", job.place) end
  say("items    %d done, %d failed, %d running, %d interrupted; %d requests", job.done,
    job.failed, job.running, job.interrupted, job.requests)
  say("last run %s by %s", date_of(job.last_run), job.last_by or "nobody")
  say("script   %s", command_of(job.origin))
  for _, item in ipairs(job.failures) do
    say("failed   %s: %s (attempt %d, %s)", item.key, item.error.message, item.attempts,
      date_of(item.ended))
  end
  if #job.failures < job.failed then print "         … more with --json" end
  local command = next_command(job)
  if command then say("next     %s", command) end
end

local function show(options)
  local path = path_of(options)
  local job = summary_of(path)
  job.failures = failures_of(path, options.json and math.huge or SHOWN_FAILURES)
  if options.json then return print(json.pretty(job)) end
  print_job(job)
end

-- ---- resume ------------------------------------------------------------------------------------

local function use_place_of(origin)
  for _, name in ipairs { "target", "state", "account" } do
    host.options[name] = host.options[name] or origin[name]
  end
end

local function check_origin(job)
  local origin = job.origin
  if not origin.script then parser.refuse("the job '%s' was not made by a script", job.name) end
  if origin.is_whole == false then
    parser.refuse("the job '%s' was run with a secret among its arguments, which is not kept: run "
      .. "it again as you did", job.name)
  end
  if origin.folder ~= fs.realpath "." then
    log.write("info", ("the job was run in the folder %s"):format(origin.folder))
  end
end

-- The script is run as it was: with its arguments, on the same target and state directory.
local function resume(options)
  local job = summary_of(path_of(options))
  local origin = job.origin
  check_origin(job)
  log.write("info", "resumed: " .. command_of(origin)) -- the ledger says what is run here
  use_place_of(origin)
  host.options.script_dir = fs.dirname(origin.script)
  arg = { [0] = origin.script, table.unpack(origin.arguments) } -- luacheck: globals arg
  local chunk, why = source.load(origin.script)
  if not chunk then parser.refuse("%s", why) end
  return chunk(table.unpack(origin.arguments))
end

-- ---- rollback ----------------------------------------------------------------------------------

local function check_idle(path)
  local ledger <close> = ledgers.open_existing(path)
  local owner = owners.find_working(ledger)
  if not owner then return end
  parser.refuse("the job '%s' is being run by %s", ledger.job.name, owners.name(owner))
end

-- What a rollback could not put back, in words: it is as the job has made it, or gone.
local function text_of_left(left)
  local texts = {}
  local function add(format, name) texts[#texts + 1] = format:format(name) end
  for _, name in ipairs(left.secrets) do add("secret %s is not the old one", name) end
  for _, name in ipairs(left.bindings or {}) do add("binding %s is not the old one", name) end
  if left.assets then add "the files are not the old ones" end
  return table.concat(texts, ", ")
end

local function print_rollback(job, report)
  for _, left in ipairs(report.not_restored) do
    say("left     %s: %s", left.key, text_of_left(left))
  end
  for _, failure in ipairs(report.failed) do
    say("failed   %s: %s", failure.key, failure.error.message)
  end
  local left = #report.not_restored
  say("rolled back %s: %d done%s, %d failed; %d requests", job.name, report.done,
    left > 0 and (", %d of them with something left that is not as it was"):format(left) or "",
    #report.failed, report.requests)
end

local function print_rollback_json(job, report)
  for _, failure in ipairs(report.failed) do failure.error = failure.error.message end
  for _, left in ipairs(report.not_restored) do json.array(left.secrets) end
  report.name = job.name
  json.array(report.failed)
  json.array(report.not_restored)
  print(json.pretty(report))
end

local function roll_back(path, force)
  local ledger <close> = ledgers.open_existing(copies.is_dry() and copies.of(path) or path)
  local snapshots = require "moonherd.fleet.snapshots" -- with the client, which nothing else needs
  return snapshots.roll_back(ledger, { concurrency = CONCURRENCY, force = force })
end

local function rollback(options)
  local path = path_of(options)
  local job = summary_of(path)
  check_idle(path)
  use_place_of(job.origin)
  local report = roll_back(path, options.force)
  local print_report = options.json and print_rollback_json or print_rollback
  print_report(job, report)
  return #report.failed + #report.not_restored == 0 and 0 or 1
end

-- ---- forget ------------------------------------------------------------------------------------

local function remove_files(path)
  for _, suffix in ipairs(ledgers.SUFFIXES) do
    if fs.exists(path .. suffix) then fs.remove(path .. suffix) end
  end
end

local function forget(options)
  local path, is_dry = path_of(options), copies.is_dry() or host.options.read_only
  local job = summary_of(path)
  check_idle(path)
  if not is_dry then remove_files(path) end
  if options.json then return print(json.pretty { name = job.name, forgotten = not is_dry }) end
  say("%s %s: %d done, %d failed", is_dry and "would forget" or "forgot", job.name, job.done,
    job.failed)
end

local ACTIONS = { list = list, show = show, resume = resume, rollback = rollback,
  forget = forget }

--- Does what the action says.
---@async
---@param options table
---@return integer code
function M.run(options)
  return ACTIONS[options.ACTION](options) or 0
end

return M
