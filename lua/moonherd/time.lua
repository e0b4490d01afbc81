-- What time it is, by the clock of the handle: a virtual one when the host has chosen so; times and
-- durations as text. Times are seconds since the beginning of 1970, UTC, as os.time gives them.
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local options = require "moonherd._options"
local printable = require "moonherd._printable"
local words = require "moonherd._words"

local M = {}

--- Seconds on a clock that only goes forward: for measuring how long something takes.
---@return number seconds
---@error none
---@example
--- local started = moonherd.time.now()
--- moonherd.sleep "10ms"
--- print(moonherd.time.now() - started >= 0.01)
function M.now()
  return clock.now()
end

--- Seconds since the beginning of 1970, UTC, with a fraction.
---@return number seconds
---@error none
---@example
--- print(os.date("!%Y-%m-%d", moonherd.time.wall() // 1))
function M.wall()
  return clock.wall()
end

-- ---- times as text -----------------------------------------------------------------------------

local DAY <const> = 86400
local FIRST <const>, LAST <const> = -62167219200, 253402300799 -- of the years 0 to 9999

-- Days since 1970-01-01, by the calendar that ISO 8601 uses for all time. A year begins in March
-- here: then the day that comes and goes is the last one.
local function days_of(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local era = year // 400
  local of_era = year - era * 400
  local of_year = (153 * (month - 3) + 2) // 5 + day - 1
  return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468
end

local function date_of(days)
  days = days + 719468
  local era = days // 146097
  local of_era = days - era * 146097
  local year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
  local of_year = of_era - (365 * year + year // 4 - year // 100)
  local month = (5 * of_year + 2) // 153
  local day = of_year - (153 * month + 2) // 5 + 1
  month = month < 10 and month + 3 or month - 9
  return year + era * 400 + (month <= 2 and 1 or 0), month, day
end

-- Seconds of "Z", "+02:00", "-0530" or "+02"; nil for anything else.
local function offset_of(text)
  if text == "Z" or text == "z" then return 0 end
  local sign, hours, minutes = text:match "^([+-])(%d%d):?(%d%d)$"
  if not sign then sign, hours, minutes = text:match "^([+-])(%d%d)()$" end
  if not sign then return nil end
  minutes = math.type(minutes) == "integer" and 0 or tonumber(minutes)
  if tonumber(hours) > 23 or minutes > 59 then return nil end
  return (sign == "-" and -1 or 1) * (tonumber(hours) * 3600 + minutes * 60)
end

local function zone_of(shift)
  if shift == 0 then return "Z" end
  local minutes = math.abs(shift) // 60
  return ("%s%02d:%02d"):format(shift < 0 and "-" or "+", minutes // 60, minutes % 60)
end

local read_format = options.reader("time.format", {
  { "digits", "integer", default = 0, least = 0 },
  { "offset", "string", default = "Z", check = function (text)
    return not offset_of(text) and ("'Z' or one such as '+02:00' expected, got %s")
      :format(printable.value(text)) or nil
  end },
})

--- A time as ISO 8601 and RFC 3339 have it, in UTC unless an offset is given.
---@param seconds? number  since 1970; default now
---@param opts? table
---@field opts.digits? integer  of the fraction of a second, at most 6; what is left is cut off;
--- default 0
---@field opts.offset? string  from UTC, such as "+02:00": that clock is shown, and the offset
--- behind it; default "Z", UTC itself
---@return string text
---@error usage usage  for a time outside of the years 0 to 9999
---@example
--- print(moonherd.time.format(1767225600.25, { digits = 3 }))     --> 2026-01-01T00:00:00.250Z
--- print(moonherd.time.format(0, { offset = "+02:00" }))     --> 1970-01-01T02:00:00+02:00
function M.format(seconds, opts)
  if seconds == nil then seconds = clock.wall() end
  opts = read_format(opts)
  local shift = offset_of(opts.offset)
  local is_time = type(seconds) == "number" and seconds + shift >= FIRST
    and seconds + shift < LAST + 1
  if not is_time then
    errors.usage("time.format: bad time (seconds of the years 0 to 9999 expected, got %s)",
      printable.value(seconds))
  end
  local digits = math.min(opts.digits, 6)
  local scale = 10 ^ digits
  local units = math.floor((seconds + shift) * scale + 1e-6) -- what 0.29 * 100 lacks
  local whole = math.tointeger(units // scale)
  local year, month, day = date_of(whole // DAY)
  local rest = whole % DAY
  local text = ("%04d-%02d-%02dT%02d:%02d:%02d"):format(year, month, day, rest // 3600,
    rest // 60 % 60, rest % 60)
  if digits > 0 then text = text .. (".%0" .. digits .. "d"):format(units % scale // 1 | 0) end
  return text .. zone_of(shift)
end

local DAYS = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

local function is_date(year, month, day)
  if month < 1 or month > 12 or day < 1 then return false end
  local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
  return day <= DAYS[month] + (month == 2 and is_leap and 1 or 0)
end

-- Seconds of the clock and of the offset behind it; nil when it is none.
local function clock_of(text)
  local hour, minute, rest = text:match "^[Tt ](%d%d):(%d%d)(.*)$"
  if not hour then return nil end
  local second, behind = rest:match "^:(%d%d)(.*)$"
  second, rest = second or "0", behind or rest
  local fraction, zone = rest:match "^[.,](%d+)(.*)$"
  local offset = offset_of(zone or rest)
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if not offset or hour > 23 or minute > 59 or second > 60 then return nil end
  local part = fraction and tonumber("0." .. fraction) or 0
  return hour * 3600 + minute * 60 + second + part - offset
end

--- Reads a time as ISO 8601 has it: a date, or a date and a clock with its offset from UTC. Without
--- the offset it would be any of 24 hours: that is refused.
---@param text string  as in "2026-01-01", "2026-01-01T12:00Z", "2026-01-01 12:00:00.5+02:00"
---@return number seconds  since 1970; an integer unless it has a fraction
---@error usage bad_time  when it is no such text, or no such day
---@example
--- print(moonherd.time.parse "2026-01-01T02:00:00+02:00")     --> 1767225600
function M.parse(text)
  if type(text) ~= "string" then
    errors.usage("time.parse: bad text (string expected, got %s)", type(text))
  end
  local year, month, day, rest = text:match "^(%d%d%d%d)-(%d%d)-(%d%d)(.*)$"
  year, month, day = tonumber(year), tonumber(month), tonumber(day)
  local of_day = rest == "" and 0 or rest and clock_of(rest)
  if of_day and is_date(year, month, day) then return days_of(year, month, day) * DAY + of_day end
  errors.raise {
    kind = "usage", reason = "bad_time",
    message = ("time.parse: '%s' is no time such as 2026-01-01T12:00:00Z"):format(text),
  }
end

-- ---- durations ---------------------------------------------------------------------------------

--- How long something takes, as every function and option takes it, those of the command line as
--- well: seconds, or text as in "250ms", "1.5h", "1h30m", "2d 12h", "90". Units are w, d, h, m (or
--- min), s, ms, us and ns; each is smaller than the one before. A text without any is seconds.
---@alias duration number|string

local function seconds_of(who, duration)
  local seconds = duration
  if type(duration) == "string" then seconds = words.seconds(duration) end
  if type(seconds) == "number" and seconds >= 0 then return seconds end
  errors.usage('%s: bad duration (seconds or text like "250ms", "5s", "1h30m" expected, got %s)',
    who, printable.value(duration))
end

--- Seconds of a duration.
---@param duration duration
---@return number seconds
---@error usage usage  when it is none
---@example
--- print(moonherd.time.seconds "2m", moonherd.time.seconds "1h30m")     --> 120.0 5400.0
function M.seconds(duration)
  return seconds_of("time.seconds", duration)
end

local UNITS = { { "d", 86400 }, { "h", 3600 }, { "m", 60 }, { "s", 1 } }

--- A duration as text for people: its two largest units, below ten seconds with a fraction.
---@param duration duration
---@return string text
---@error usage usage  when it is no duration
---@example
--- print(moonherd.time.text(3725), moonherd.time.text(1.234))     --> 1h 2m 1.2s
function M.text(duration)
  local seconds = seconds_of("time.text", duration)
  if seconds == math.huge then return "for ever" end
  if seconds < 0.9995 then return ("%.0fms"):format(seconds * 1000) end
  if seconds < 9.95 then return (("%.1fs"):format(seconds):gsub("%.0s$", "s")) end
  seconds = math.floor(seconds + 0.5)
  for i, unit in ipairs(UNITS) do
    local count = seconds // unit[2]
    if count > 0 then
      local smaller = UNITS[i + 1]
      local rest = smaller and seconds % unit[2] // smaller[2] or 0
      local first = ("%d%s"):format(count, unit[1])
      return rest > 0 and ("%s %d%s"):format(first, rest, smaller[1]) or first
    end
  end
end

return M
