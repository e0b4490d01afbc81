-- How long a server asks to wait, whichever way it says so: headers of the answer, or its body.
local clock = require "moonherd._clock"
local ratelimit = require "moonherd.cloudflare.ratelimit"
local time = require "moonherd.time"

local M = {}

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

--- The time of an HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT".
---@param text string
---@return integer? seconds  nil when it is no such date
function M.time_of_date(text)
  local day, month, year, hours =
    text:match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$"
  if not day or not MONTHS[month] then return nil end
  local is_time, seconds = pcall(time.parse, ("%s-%02d-%sT%sZ"):format(year, MONTHS[month], day,
    hours))
  return is_time and seconds or nil
end

local function seconds_of(value)
  local seconds = tonumber(value)
  if seconds and seconds >= 0 and seconds < math.huge then return seconds end
end

-- Retry-After: seconds, or a date, which is measured by the server's own clock where it shows that.
local function of_retry_after(headers)
  local text = headers["retry-after"]
  if not text then return nil end
  local seconds = seconds_of(text)
  if seconds then return seconds end
  local at = M.time_of_date(text)
  if not at then return nil end
  local now = headers.date and M.time_of_date(headers.date) or clock.wall()
  return math.max(at - now, 0)
end

-- When nothing is left of the allowance, it begins anew in so many seconds.
local function of_allowance(headers)
  local left, reset = ratelimit.left(headers)
  return left == 0 and reset or nil
end

--- The seconds that an answer asks to wait.
---@param headers table<string, string>
---@param body? table  the body, when it was JSON
---@return number? seconds
function M.pause(headers, body)
  local milliseconds = seconds_of(headers["retry-after-ms"])
  return milliseconds and milliseconds / 1000 or of_retry_after(headers)
    or body and type(body.retry_after) ~= "table" and seconds_of(body.retry_after)
    or of_allowance(headers)
end

return M
