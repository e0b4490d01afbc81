-- script:wait_live: asks for a script until it is there.
local errors = require "moonherd.error"
local async = require "moonherd.async"
local names = require "moonherd.cloudflare.names"
local options = require "moonherd._options"

local M = {}

local WHO = "script:wait_live"
local FIRST_PAUSE, LONGEST_PAUSE = 0.25, 4 -- seconds

local read = options.reader(WHO, {
  { "etag", "string" }, { "timeout", "duration", default = 60 },
})

-- A namespace that has just been made may not be known everywhere either.
local NOT_YET = { script_not_found = true, namespace_not_found = true }

-- Asks once: the details when they are those that are waited for, else nil and what was seen.
local function look(script, etag)
  local details, err = async.try(script.details, script)
  if not details then
    if NOT_YET[err.reason] then return nil, "it was not there" end
    if err.retryable then return nil, err.message end
    error(err, 0)
  end
  local live = details.script.etag
  if etag == nil or live == etag then return details end
  return nil, ("etag '%s' was"):format(names.shown(live or "none"))
end

-- Asks until it is so; keeps what was seen last.
local function poll(script, etag, seen)
  local pause = FIRST_PAUSE
  while true do
    local details, last = look(script, etag)
    if details then return details end
    seen.last = last
    async.sleep(pause)
    pause = math.min(2 * pause, LONGEST_PAUSE)
  end
end

--- Waits until a script is live.
---@async
---@param script table  the handle
---@param opts? table
---@return table details
function M.run(script, opts)
  opts = read(opts)
  local dry_details = script._client._dry_details
  if dry_details then return dry_details(script) end -- nothing was sent that could get there
  local seen = { last = "no answer came" }
  local details, err = async.try(async.timeout, opts.timeout, poll, script, opts.etag, seen)
  if details then return details end
  if err.kind ~= "timeout" then error(err, 0) end
  errors.raise {
    kind = "timeout", reason = "timeout_live", retryable = true, cause = err,
    message = ("%s: %s%s was not live after %.14g s: %s"):format(WHO, tostring(script),
      opts.etag and (" with etag '%s'"):format(opts.etag) or "", opts.timeout, seen.last),
    hint = "changes take some seconds to be everywhere; a longer `timeout` may help",
  }
end

return M
