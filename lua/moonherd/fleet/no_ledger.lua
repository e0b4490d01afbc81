-- In the place of a ledger where none is wanted: everything is new, nothing is kept but that the
-- same key does not come twice.
local hash = require "moonherd.hash"

local M = {}

local NoLedger = {}
NoLedger.__index = NoLedger

--- Digests are of no use: nothing is compared with what was done before.
NoLedger.forgets = true

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

-- Of all items that have ended one row is enough: nothing but their keys is told apart.
local ENDED = { done = {}, failed = {} }
for state, row in pairs(ENDED) do row.state, row.digest, row.owner_id = state, false, 1 end

function NoLedger:finish(key, _, result)
  self.seen[key] = ENDED[result.state]
  return true
end

function NoLedger:refuse(key)
  self.seen[key] = ENDED.failed
  return true
end

local function nothing() end
NoLedger.beat, NoLedger.check, NoLedger.end_owner = nothing, nothing, nothing
NoLedger.set_origin, NoLedger.close, NoLedger.__close = nothing, nothing, nothing

return M
