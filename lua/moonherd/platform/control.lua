-- Routes of the platform's own, beside the API: the faults that are on, and the last requests. They
-- need the same credential; they are neither counted, nor logged, nor struck by faults.

local errors = require "moonherd.platform.errors"
local faults = require "moonherd.platform.faults"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"

local M = {}

--- GET faults
function M.get_faults(call)
  local on = call.platform.faults
  return on and on:to_json() or '{"faults":[]}'
end

--- PUT faults: these and no others are on from now.
function M.put_faults(call)
  local given = call:json()
  if not shape.is_object(given) then
    errors.invalid("The body must be an object", "")
  end
  call.platform:set_faults(faults.check(given))
  return call.platform.faults:to_json()
end

--- DELETE faults: none is on, and the allowance is not enforced.
function M.delete_faults(call)
  call.platform:set_faults(nil)
  return "null"
end

local function read_integer(call, name)
  local text = call:query(name)
  local number = text and math.tointeger(tonumber(text))
  if text and not (number and number >= 0) then
    errors.invalid(("`%s` must be an integer from 0"):format(name))
  end
  return number
end

--- GET requests?after=&limit=&method=&status=&fault=&target=
function M.get_requests(call)
  local log = call.platform.requests
  local list = log:list {
    after = read_integer(call, "after"),
    limit = read_integer(call, "limit"),
    status = read_integer(call, "status"),
    method = call:query "method",
    fault = call:query "fault",
    target = call:query "target",
  }
  return json.encode(list), json.encode { count = #list, total_count = log.count }
end

--- DELETE requests
function M.delete_requests(call)
  call.platform.requests:clear()
  return "null"
end

return M
