-- Where a job's work is done: a target, an account, and for an item a namespace. What a ledger
-- holds as done is not done anywhere else: so it belongs to the place of its first run, and each
-- item to that of the script it was about.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local handles = require "moonherd.cloudflare.handles"

local M = {}

-- The embedded platform is what its state directory holds, by whatever name it is reached.
local function of_state(state)
  return "local " .. (fs.exists(state) and fs.realpath(state) or fs.absolute(state))
end

local texts = setmetatable({}, { __mode = "k" })

--- The place of a client, as people know it: "https://…/client/v4, account 0123…".
---@async
---@param client table
---@return string place
function M.of(client)
  if not texts[client] then
    local state = handles.state(client)
    local target = state and of_state(state) or handles.connection(client).base
    texts[client] = ("%s, account %s"):format(target, client.account_id)
  end
  return texts[client]
end

--- The place of a script, with its namespace.
---@async
---@param script table  the handle
---@return string place
function M.of_script(script)
  return ("%s, namespace %s"):format(M.of(handles.client(script)), handles.place(script).namespace)
end

local HINT = "name another job or ledger for this place, or delete that one"

--- That an item is about another place than the script of that name which the ledger has.
---@param key string
---@param kept string  the place that the ledger has
---@param place string  the one that is meant now
---@return table err
function M.error_of_item(key, kept, place)
  return errors.new {
    kind = "usage", reason = "other_place", hint = HINT,
    message = ("moonherd.job: '%s' was done for %s; this is for %s"):format(key, kept, place),
  }
end

--- Gives a ledger the place of a client, unless it has one, which must be that.
---@async
---@param ledger table
---@param client table
---@error usage other_place
function M.bind(ledger, client)
  local place = M.of(client)
  ledger:keep_place(place)
  local kept = ledger:find_place()
  if kept == place then return end
  errors.raise {
    kind = "usage", reason = "other_place", hint = HINT,
    message = ("moonherd.job: ledger '%s' was made for %s; this run is for %s"):format(ledger.path,
      kept, place),
  }
end

return M
