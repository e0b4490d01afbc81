-- One change of a script at a time within this process. The guards in the store are what keeps the
-- data right, also between processes; this only spares tasks that change the same script from
-- undoing each other's work again and again.

local task = require "moonherd._task"

local M = {}

local Lock = {}
Lock.__index = Lock

--- Makes a set of locks, one for each key in use.
function M.new()
  return setmetatable({ entries = {} }, Lock)
end

local function leave(self, key, entry, is_holder)
  entry.users = entry.users - 1
  entry.is_held = entry.is_held and not is_holder
  if entry.users == 0 then
    self.entries[key] = nil
  else
    entry.waiters:wake(1)
  end
end

--- Calls `f` while nobody else holds `key`; returns what it returns.
function Lock:run(key, f)
  local entry = self.entries[key] or { users = 0, is_held = false, waiters = task.waitlist() }
  local is_holder = false
  self.entries[key] = entry
  entry.users = entry.users + 1
  local _ <close> = setmetatable({}, {
    __close = function ()
      leave(self, key, entry, is_holder)
    end,
  })
  while entry.is_held do
    entry.waiters:wait "another change of the script"
  end
  entry.is_held, is_holder = true, true
  return f()
end

return M
