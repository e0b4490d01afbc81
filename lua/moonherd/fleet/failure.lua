-- What is kept of an item that failed: in the ledger a line of JSON, in a report the error itself,
-- or no more than its words when there are many.
local errors = require "moonherd.error"
local json = require "moonherd.json"
local log = require "moonherd._log"

local M = {}

local KEPT = { "kind", "reason", "code", "status", "ray_id", "outcome" }

-- The fields that tell what is wrong, without history and trace; hidden secrets taken out.
local function words_of(err)
  local kept = { message = log.mask(tostring(err.message or err)) }
  for _, name in ipairs(KEPT) do kept[name] = err[name] end
  return kept
end

--- What the ledger keeps. The words may be anybody's: bytes that are no UTF-8, and any length.
---@param err table
---@return string text
function M.text(err)
  return errors.to_json(errors.new(words_of(err)))
end

--- An error without its history: thousands of them fit into a report.
---@param err table
---@return table err
function M.brief(err)
  return errors.new(words_of(err))
end

--- The error of an item that another process has tried.
---@param row table  of the ledger
---@return table err
function M.of_row(row)
  local kept = json.decode(row.error)
  kept.message = kept.message .. " (by another process that shares the job)"
  return errors.new(kept)
end

return M
