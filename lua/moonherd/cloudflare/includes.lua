-- What the list of scripts does not carry: read for each script of it, several scripts at once, and
-- given in the order of the list.
local ahead = require "moonherd.cloudflare.ahead"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"

local M = {}

-- What can be included: the methods of a script that read it, under their own names.
local NAMES = { "bindings", "content", "secrets", "settings", "tags" }
local IS_NAME = {}
for _, name in ipairs(NAMES) do IS_NAME[name] = true end

--- What is wrong with a list of names, or nil: for the reader of options.
---@param names string[]
---@return string? why
function M.fault_of(names)
  for _, name in ipairs(names) do
    if not IS_NAME[name] then
      return ("got '%s'%s"):format(name, options.suggestion(name, NAMES, "values"))
    end
  end
end

-- Puts what is asked for into an entry's info; what the list has brought costs no request. A script
-- that is gone by now says so.
local function read(names, entry)
  for _, name in ipairs(names) do
    if entry.info[name] == nil then
      local value, err = moonherd_try(entry.script[name], entry.script)
      if err and err.reason == "script_not_found" then
        entry.info.missing = true
        return
      end
      if err then error(err, 0) end
      entry.info[name] = value
    end
  end
end

--- Gives the entries of a list with what is included.
---@param names string[]
---@param concurrency integer  how many scripts are read at once
---@param next_entry function  gives the next {script=, info=}, nil at the end; may wait
---@param is_at_hand function  whether it need not wait
---@return function next  like next_entry
function M.reader(names, concurrency, next_entry, is_at_hand)
  local queue, failure = {}, nil

  -- A page that fails does not take away what stands before it.
  local function fill()
    while #queue < concurrency and (#queue == 0 or is_at_hand()) do
      local ok, entry = pcall(next_entry)
      if not ok then failure = entry end
      if not ok or not entry then return end
      entry.call = ahead.start(read, names, entry)
      queue[#queue + 1] = entry
    end
  end

  return function ()
    if not failure then fill() end
    local entry, err = queue[1]
    if entry then
      -- Whoever is cancelled in this wait leaves the entry to the next who asks.
      err = select(2, moonherd_try(ahead.take, entry.call))
      table.remove(queue, 1)
    else
      err, failure = failure, nil
    end
    if err then error(err, 0) end
    return entry
  end
end

return M
