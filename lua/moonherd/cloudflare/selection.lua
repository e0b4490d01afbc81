-- Which scripts of a namespace a bulk change is about, and whether they are as many as its caller
-- has said: for namespace:delete_scripts and the bulk verbs.
local errors = require "moonherd.error"
local log = require "moonherd._log"
local tags = require "moonherd.cloudflare.tags"

local M = {}

local DEFAULT_MAX = 1000

--- The options that select scripts and guard their number, for moonherd._options.
M.GUARDS = {
  { "all", "boolean" }, { "dry_run", "boolean" }, { "max", "integer", least = 0 },
  { "expect", "integer", least = 0 },
}

--- The filter as the API writes it; nil: every script.
---@param given? table  the tags
---@param all? boolean  whether every script may be meant
---@param who string  the public name of the function
---@param verb string  what is done to them: "delete"
---@return string? filter
function M.filter(given, all, who, verb)
  if given == nil or next(given) == nil then
    if all then return nil end
    errors.usage("%s: give 'tags', or all = true for every script of the namespace", who)
  end
  local filter, requires = tags.filter(given, who)
  if not requires and not all then
    errors.usage("%s: the filter requires no tag: add all = true to %s every script without "
      .. "these", who, verb)
  end
  return filter
end

-- Refuses a number of scripts that is not as allowed. A dry run is how one learns the number: it is
-- refused only by what its caller has set.
local function check_count(subject, count, opts)
  if opts.expect and count ~= opts.expect then
    errors.raise {
      kind = "usage", reason = "unexpected_count", hint = "look again first",
      message = ("%s, not %d"):format(subject, opts.expect),
    }
  end
  local most = opts.max or not (opts.expect or opts.dry_run) and DEFAULT_MAX
  if most and count > most then
    errors.raise {
      kind = "usage", reason = "too_many_scripts",
      hint = ("look with dry_run = true, then pass expect = %d"):format(count),
      message = ("%s, more than %d"):format(subject, most),
    }
  end
end

local function noun(count)
  return count == 1 and "script" or "scripts"
end

--- Looks at how many scripts a filter has found. When it is none, that is told:
--- a tag may be misspelt.
---@param namespace table  the handle
---@param count integer
---@param opts table  with the options of M.GUARDS
---@param who string
---@error usage too_many_scripts  above `max`
---@error usage unexpected_count  another number than `expect`
function M.check_found(namespace, count, opts, who)
  if count == 0 then
    log.write("info", ("%s: no script of '%s' matches"):format(who, namespace.name))
  end
  check_count(("%s: %d %s of '%s' match"):format(who, count, noun(count), namespace.name), count,
    opts)
end

--- Looks at how many scripts were given.
---@param namespace table  the handle
---@param count integer
---@param opts table  with the options of M.GUARDS
---@param who string
---@error as M.check_found
function M.check_given(namespace, count, opts, who)
  check_count(("%s: %d %s for '%s'"):format(who, count, noun(count), namespace.name), count, opts)
end

return M
