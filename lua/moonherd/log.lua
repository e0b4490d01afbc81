-- moonherd.log: what a script has to say to the people who run it. Lines go to the host's log, not
-- to standard output; secrets that moonherd knows are hidden in them.
local log = require "moonherd._log"
local errors = require "moonherd.error"

local M = {}

local function write(level, message, fields)
  if type(message) ~= "string" then
    errors.usage("log.%s: bad message (string expected, got %s)", level, type(message))
  end
  if fields ~= nil and type(fields) ~= "table" then
    errors.usage("log.%s: bad fields (table expected, got %s)", level, type(fields))
  end
  log.write(level, message, fields)
end

--- Writes a line of level error.
---@param message string  one line
---@param fields? table  further members of the line's JSON object, by name
---@error usage usage  when the message is no text
---@example
--- moonherd.log.error("cannot go on", { tenant = "acme" })
function M.error(message, fields) write("error", message, fields) end

--- Writes a line of level warn.
---@param message string  one line
---@param fields? table  further members of the line's JSON object, by name
---@error usage usage  when the message is no text
---@example
--- moonherd.log.warn("nine tags", { script = "acme" })
function M.warn(message, fields) write("warn", message, fields) end

--- Writes a line of level info.
---@param message string  one line
---@param fields? table  further members of the line's JSON object, by name
---@error usage usage  when the message is no text
---@example
--- moonherd.log.info("half done", { done = 30 })
function M.info(message, fields) write("info", message, fields) end

--- Writes a line of level debug, which is shown with `--log debug` only.
---@param message string  one line
---@param fields? table  further members of the line's JSON object, by name
---@error usage usage  when the message is no text
---@example
--- moonherd.log.debug "looking at acme"
function M.debug(message, fields) write("debug", message, fields) end

--- Hides a value: from now on no log, trace or error of this handle shows it.
---@param secret string  at least four bytes; shorter ones cannot be hidden
---@return string secret  the same
---@error usage usage  when it is no text
---@example
--- local key = moonherd.log.hide(os.getenv "API_KEY" or "none at all")
function M.hide(secret)
  if type(secret) ~= "string" then
    errors.usage("log.hide: bad secret (string expected, got %s)", type(secret))
  end
  return log.hide(secret)
end

return M
