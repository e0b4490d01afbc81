-- What store.budget keeps in a file, kept by this process alone: for when no file can be used. It
-- has the same two verbs; nobody else is ever faster.
local M = {}

local Memory = {}
Memory.__index = Memory

--- Makes one.
---@return table memory
function M.new()
  return setmetatable({ rows = {} }, Memory)
end

-- Sums up the log, without what is too old or from the future.
local function sum_up(row, now, span, since)
  row.used, row.recent, row.oldest = 0, 0, nil
  for start, taken in pairs(row.slots) do
    if start <= now - span or start > now then
      row.slots[start] = nil
    else
      row.used = row.used + taken
      if start >= since then row.recent = row.recent + taken end
      if taken > 0 then row.oldest = math.min(row.oldest or start, start) end
    end
  end
  return row
end

--- As store.budget: an allowance as it is known.
---@param key string
---@param now number
---@param span number
---@param since number
---@return table row
function Memory:read(key, _, now, span, since)
  local row = self.rows[key] or { key = key, leased = 0, others = 0, slots = {} }
  self.rows[key] = row
  return sum_up(row, now, span, since)
end

-- A row that was read from the file, before that failed: its log is what had been used.
local function adopt(self, row, now)
  local known = self.rows[row.key]
  row.others, row.slots = 0, known and known.slots or { [now] = row.used }
  self.rows[row.key] = row
end

--- As store.budget: keeps an allowance.
---@param row table  as it was read and changed
---@param now number
---@param slots table[]
---@return boolean is_done
function Memory:write(row, _, now, _, _, slots)
  if not row.slots then adopt(self, row, now) end
  for _, slot in ipairs(slots) do
    row.slots[slot.start] = (row.slots[slot.start] or 0) + slot.taken
  end
  return true
end

--- Nothing is open.
function Memory.close() end

return M
