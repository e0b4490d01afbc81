-- Taking an item for oneself. The row is read, what to do is decided here, and the write is guarded
-- by the row's revision: when it misses, somebody else was faster and it is decided again.
local places = require "moonherd.fleet.places"
local time = require "moonherd.time"

local M = {}

-- What to do with an item of this row: "run", "verify" (an owner who died may have done it),
-- "skip", "wait" (somebody does it), "failed" (somebody else did in this very time), "twice".
local function decide(run, row, digest)
  if not row then return "run" end
  local is_same = digest == nil or row.digest == digest
  local is_mine = row.owner_id == run.owner_id
  if row.state == "running" then
    if is_mine then return "twice" end
    local owner = run.ledger:find_owner(row.owner_id)
    if run.watch:is_alive(owner) then return "wait" end
    return is_same and "verify" or "run"
  end
  if row.state == "done" and is_same then return "skip" end
  if is_mine then return "twice" end
  -- Another process that shares the job has tried it since this one began: once is enough. Clocks
  -- of two machines would not tell: runs are numbered in the order in which they began.
  local is_shared = row.state == "failed" and row.newest_owner_id >= run.owner_id
  return is_shared and "failed" or "run"
end

-- Whether a row is about a script in another namespace, or further away.
local function is_elsewhere(row, place)
  return row ~= nil and row.place ~= nil and place ~= nil and row.place ~= place
end

-- An item that needs no change is taken only from an owner that died over it.
local function answer_for(run, row, item, place)
  if is_elsewhere(row, place) then return "elsewhere" end
  local answer = decide(run, row, item.digest)
  return answer == "run" and item.is_needed == false and "skip" or answer
end

local function place_of(run, item)
  return item.script and not run.ledger.forgets and places.of_script(item.script) or nil
end

-- The row of an item. Where the last one was new, this one is likely to be: then it is claimed
-- without a look, and the claim tells.
local function find(run, item)
  if run.expects_new and item.is_needed ~= false then return nil end
  local row = run.ledger:find_item(item.key)
  run.expects_new = row == nil
  return row
end

--- Takes an item, unless there is a reason not to.
---@async
---@param run table  {ledger=, owner_id=, watch=, expects_new= kept here}
---@param item table  {key=, digest= nil: what was done once is done, is_needed= false: nothing is
---  to be done}
---@return string answer  run, verify: it is ours now; skip, wait, failed, twice, elsewhere: it is
---  not
---@return table? row  what the ledger had
function M.take(run, item)
  local ledger, key, place = run.ledger, item.key, place_of(run, item)
  while true do
    local row = find(run, item)
    local answer = answer_for(run, row, item, place)
    if answer ~= "run" and answer ~= "verify" then return answer, row end
    if ledger:claim(key, row and row.rev, item.digest, run.owner_id, time.wall(), place) then
      return answer, row
    end
    run.expects_new = false
  end
end

--- Takes down an item that cannot even be begun.
---@async
---@param run table
---@param item table
---@param error string  as it shall be kept
function M.refuse(run, item, error)
  local key = item.key
  local row = run.ledger:find_item(key)
  if row and row.state == "running" or is_elsewhere(row, place_of(run, item)) then return end
  run.ledger:refuse(key, row and row.rev, run.owner_id, time.wall(), error)
end

return M
