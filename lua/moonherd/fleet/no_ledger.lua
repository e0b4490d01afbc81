-- In the place of a ledger where none is wanted: everything is new, nothing is kept but that the
-- same key does not come twice.
local hash = require "moonherd.hash"

local M = {}

local NoLedger = {}
NoLedger.__index = NoLedger

--- Makes one.
---@return table ledger  with the methods that a run needs
function M.new()
  return setmetatable({ key = hash.random(32), seen = {} }, NoLedger)
end

-- One run, whose number does not matter.
function NoLedger.add_owner()
  return 1
end

function NoLedger:find_item(key)
  return self.seen[key]
end

function NoLedger:claim(key, _, digest, owner_id)
  self.seen[key] = { state = "running", digest = digest, owner_id = owner_id, rev = 1 }
  return true
end

function NoLedger:finish(key, _, result)
  local row = self.seen[key]
  row.state, row.ended, row.digest = result.state, result.ended, false
  return true
end

function NoLedger:refuse(key, _, owner_id, now)
  self.seen[key] = { state = "failed", owner_id = owner_id, ended = now, rev = 1 }
  return true
end

local function nothing() end
NoLedger.beat, NoLedger.end_owner, NoLedger.close, NoLedger.__close =
  nothing, nothing, nothing, nothing

return M
