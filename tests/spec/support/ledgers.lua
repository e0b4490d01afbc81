-- For the specs of jobs: what other runs have left in a ledger.
local ledger_store = require "moonherd.store.ledger"
local owners = require "moonherd.fleet.owner"

local M = {}

--- An owner that is not there any more.
M.DEAD = { pid = 1, born = "never" }

--- Calls a function with a ledger.
function M.with(path, f)
  local ledger <close> = ledger_store.open(path)
  return f(ledger)
end

--- As if another run had claimed an item and not come to its end. Returns the number of the run.
function M.claim(path, owner, key)
  return M.with(path, function (ledger)
    local item, me = ledger:find_item(key), owners.me()
    for field, value in pairs(owner) do me[field] = value end
    local id = ledger:add_owner(me, 1)
    assert(ledger:claim(key, item and item.rev, item and item.digest, id, 1))
    return id
  end)
end

--- The row of an item.
function M.find(path, key)
  return M.with(path, function (ledger) return ledger:find_item(key) end)
end

return M
