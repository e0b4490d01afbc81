-- The items of a ledger as they are shown, page by page. The ledger is open only while a page is
-- read: a loop may be left at any time.
local in_turns = require "moonherd._turns"
local json = require "moonherd.json"
local owners = require "moonherd.fleet.owner"

local M = {}

local PAGE = 1000

local function shown(row)
  return {
    key = row.key, state = row.state, attempts = row.attempts, requests = row.requests,
    began = row.began, ended = row.ended, who = owners.name(row),
    error = row.error and json.decode(row.error) or nil,
  }
end

--- Iterates over a ledger.
---@param open function  opens it
---@param state? string  of this state only
---@return function iterator
function M.iterator(open, state)
  local page, at, last = {}, 0, ""
  local function next_page()
    local ledger <close> = open()
    page, at = ledger:list_items(last, PAGE, state), 0
  end
  return in_turns(function ()
    if last and at >= #page then next_page() end
    at = at + 1
    local row = page[at]
    last = row and row.key
    return row and shown(row)
  end)
end

return M
