-- What the scenarios of a fleet share. Each is a script: it is given numbers, makes what it needs
-- on the embedded platform, and raises when something is not as it should be.
local fs = require "moonherd.fs"

local M = {}

--- The options of an upload of a small Worker.
---@param i integer  a number that its code has
---@param tags? string[]
---@return table spec
function M.spec(i, tags)
  local code = ("export default { fetch() { return new Response('%d') } }"):format(i)
  return {
    modules = { ["a.mjs"] = code }, compatibility_date = "2026-10-01", tags = tags,
  }
end

--- Puts faults on, in the place of those that were.
---@param client table
---@param faults table  as `moonherd serve --faults` reads them
function M.set_faults(client, faults)
  client:request { method = "PUT", path = "/moonherd/faults", json = faults }
end

--- How many of the last requests the platform has in its log.
---@param client table
---@param query? table  what they must have: status=, method=, fault=
---@return integer
function M.count_requests(client, query)
  query = query or {}
  query.limit = 10000
  return #client:request { path = "/moonherd/requests", query = query }
end

--- Checks that two values are equal.
---@param expected any
---@param got any
---@param what string
function M.equal(expected, got, what)
  if expected == got then return end
  error(("%s: %s expected, got %s"):format(what, expected, got), 2)
end

--- Checks a condition.
---@param is_true any
---@param format string
---@param ... any
function M.check(is_true, format, ...)
  if not is_true then error(format:format(...), 2) end
end

--- Ends this process at once, as a power cut would.
function M.die()
  local pid = fs.read "/proc/self/stat":match "^%d+"
  os.execute("kill -9 " .. pid)
end

--- Makes many scripts, as fast as the platform takes them.
---@param ns table
---@param count integer
---@param tags_of fun(i: integer): string[]
function M.fill(ns, count, tags_of)
  local i = 0
  local report = ns:upload_all(function ()
    i = i + 1
    if i <= count then return ("site-%05d"):format(i), M.spec(i, tags_of(i)) end
  end)
  M.equal(count, report.done, "scripts made")
end

--- Says what a scenario has shown.
---@param format string
---@param ... any
function M.say(format, ...)
  print(format:format(...))
end

return M
