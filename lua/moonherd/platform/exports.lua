-- Declared exports: the classes and entrypoints that `exports` of an upload or of settings names.

local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"

local M = {}

local LIVE_STATES = { created = true, ["expecting-transfer"] = true }

local RECONCILIATION = {
  "created",
  "updated",
  "deleted",
  "renamed",
  "transferred",
  "transfer_pending",
  "removable_entries",
  "info",
  "warnings",
}

--- Those that are shown: not the deleted, the renamed and the given away.
function M.live(exports)
  local live = {}
  for name, export in pairs(exports) do
    if shape.is_absent(export.state) or LIVE_STATES[export.state] then
      live[name] = export
    end
  end
  return live
end

--- What came of declaring `exports`; nil when there are none. Nothing runs the classes, so nothing
--- has to be made or removed and all lists are empty.
function M.reconciliation(exports)
  if not exports then
    return nil
  end
  local lists = {}
  for _, name in ipairs(RECONCILIATION) do
    lists[name] = json.array {}
  end
  return lists
end

return M
