-- How long a server asks to wait, whichever way it says so: headers of the answer, or its body.
local clock = require "moonherd._clock"
local ratelimit = require "moonherd.cloudflare.ratelimit"

local M = {}

local MONTHS = {
  Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6,
  Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12,
}

-- Days since 1970-01-01 in the Gregorian calendar, whose years begin here in March: then a leap day
-- is the last of its year.
local function days_of(year, month, day)
  local shifted = (month + 9) % 12
  if month < 3 then year = year - 1 end
  return 365 * year + year // 4 - year // 100 + year // 400
    + (153 * shifted + 2) // 5 + day - 719469
end

--- Seconds since 1970 of a date and a time of day, UTC.
---@param year string  four digits
---@param month string|integer
---@param day string
---@param time string  "08:49:37"
---@return integer seconds
function M.time_of(year, month, day, time)
  local hour, minute, second = time:match "(%d%d):(%d%d):(%d%d)"
  local days = days_of(math.tointeger(year), math.tointeger(month), math.tointeger(day))
  return days * 86400 + hour * 3600 + minute * 60 + second
end

--- The time of an HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT".
---@param text string
---@return integer? seconds  nil when it is no such date
function M.time_of_date(text)
  local day, month, year, time =
    text:match "^%a+, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d:%d%d:%d%d) GMT$"
  return day and MONTHS[month] and M.time_of(year, MONTHS[month], day, time) or nil
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
  local time = M.time_of_date(text)
  if not time then return nil end
  local now = headers.date and M.time_of_date(headers.date) or clock.wall()
  return math.max(time - now, 0)
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
