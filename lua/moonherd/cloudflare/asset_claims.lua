-- Which files the uploads of a client are sending at this moment. The scripts of a namespace share
-- files of equal hash: what one upload is sending, another need not send as well. It sends what
-- nobody else does, waits for the rest, and asks the API again what is missing.
local task = require "moonherd._task"

local M = {}

local Claim = {}
Claim.__index = Claim

local function is_free(sending, files)
  for _, file in ipairs(files) do
    if sending[file.hash] then return false, sending[file.hash] end
  end
  return true
end

--- Claims the buckets of which nobody else is sending a file. Whoever claims sends before it waits,
--- so that no two wait for each other.
---@param client table
---@param namespace string  its segment
---@param buckets table[]  lists of files
---@return table claim  `mine`: the buckets that it holds. `local c <close>` releases them
function M.take(client, namespace, buckets)
  client._sending = client._sending or {}
  client._sending[namespace] = client._sending[namespace] or {}
  local sending = client._sending[namespace]
  local claim = setmetatable({
    mine = {}, others = {}, sending = sending, waiters = task.waitlist(), is_held = true,
  }, Claim)
  for _, files in ipairs(buckets) do
    local free, other = is_free(sending, files)
    if free then claim.mine[#claim.mine + 1] = files else claim.others[other] = true end
  end
  for _, files in ipairs(claim.mine) do
    for _, file in ipairs(files) do sending[file.hash] = claim end
  end
  return claim
end

--- Gives back what it holds. More than once is allowed.
function Claim:release()
  if not self.is_held then return end
  self.is_held = false
  for _, files in ipairs(self.mine) do
    for _, file in ipairs(files) do self.sending[file.hash] = nil end
  end
  self.waiters:wake()
end

Claim.__close = Claim.release

--- Waits until those who held the other buckets have let them go.
---@async
---@return boolean has_waited
function Claim:wait()
  local has_waited = false
  for other in pairs(self.others) do
    has_waited = true
    while other.is_held do other.waiters:wait "a file that another upload sends" end
  end
  return has_waited
end

return M
