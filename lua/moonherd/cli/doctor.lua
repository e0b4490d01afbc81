-- moonherd doctor: what may keep scripts from their target, a line each, and what to do about it.
-- Exit code 1 when there is a problem.
local async = require "moonherd.async"
local connect = require "moonherd.cloudflare".connect
local doctor = require "moonherd.cloudflare.doctor"
local json = require "moonherd.json"
local printable = require "moonherd._printable"

local M = {}

local COLUMN = "%-9s%-13s%s"

--- Its options.
---@param p table  a parser of argparse
function M.configure(p)
  p:option("--namespace", "Look for this dispatch namespace, too."):argname "NAME"
  p:flag("--json", "Print JSON: {\"checks\": [...], \"problems\": N, \"warnings\": N}.")
end

-- What to do about a state directory that cannot be used; its own hints come first.
local STATE_HINTS = {
  newer = "run the moonherd that made it, or name another folder with --state",
  corrupt = "move it away, or name another folder with --state",
  exists = "it is to be a folder; name another one with --state",
}

-- The check that a failure to connect belongs to: no token, no account, a bad URL, a bad state.
local function check_of(err)
  if err.reason:find "account" then return "account", err.hint end
  if err.reason:find "credential" then return "token", err.hint end
  if err.kind ~= "io" then return "target", err.hint end
  return "state", err.hint or STATE_HINTS[err.reason] or "name another folder with --state"
end

local function examine(options)
  local client, err = async.try(connect)
  if client then return client:doctor { namespace = options.namespace } end
  local name, hint = check_of(err)
  return {
    { name = name, status = "problem", text = err.message, hint = hint },
    { name = "versions", status = "ok", text = doctor.versions() },
  }
end

local function count(checks, status)
  local n = 0
  for _, check in ipairs(checks) do n = n + (check.status == status and 1 or 0) end
  return n
end

local function print_line(status, name, text)
  print(printable.line(COLUMN:format(status, name, text)))
end

local function print_checks(checks)
  for _, check in ipairs(checks) do
    print_line(check.status, check.name, check.text)
    if check.hint and check.status ~= "ok" then print_line("", "", "→ " .. check.hint) end
  end
end

--- Looks and tells.
---@async
---@param options table
---@return integer code
function M.run(options)
  local checks = examine(options)
  local problems, warnings = count(checks, "problem"), count(checks, "warning")
  if options.json then
    print(json.pretty { checks = json.array(checks), problems = problems, warnings = warnings })
  else
    print_checks(checks)
  end
  return problems > 0 and 1 or 0
end

return M
