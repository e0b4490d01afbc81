-- Looks into a timeline, for trace.sh:  trace.lua FILE CHECK ARGUMENT…
local moonherd = require "moonherd"

local file = assert(io.open(arg[1], "rb"))
local events = moonherd.json.decode(file:read "a")
file:close()

local checks = {}

-- Whether an event of a category and a name is there, with a member of its args.
function checks.has(category, name, member, value)
  for _, event in ipairs(events) do
    local is_of = (event.cat or "__metadata") == category and event.name == name
    local found = is_of and member and (event.args or {})[member]
    if is_of and (member == nil or found and (value == nil or tostring(found) == value)) then
      return true
    end
  end
  return false
end

-- Nanoseconds: sums of microseconds with a fraction would differ in their last digit.
local function bounds(event)
  local began = math.floor(event.ts * 1000 + 0.5)
  return began, began + math.floor(event.dur * 1000 + 0.5)
end

local function tracks()
  local found = {}
  for _, event in ipairs(events) do
    if event.ph == "X" then
      local key = event.pid .. "/" .. event.tid
      found[key] = found[key] or {}
      table.insert(found[key], event)
    end
  end
  return found
end

-- The longer one first of two that begin at once.
local function is_before(a, b)
  local a_began, a_ended = bounds(a)
  local b_began, b_ended = bounds(b)
  if a_began ~= b_began then return a_began < b_began end
  return a_ended > b_ended
end

-- Whether on every track spans lie beside or inside one another.
function checks.nest()
  for _, spans in pairs(tracks()) do
    table.sort(spans, is_before)
    local ends = {}
    for _, span in ipairs(spans) do
      local began, ended = bounds(span)
      while ends[1] and ends[#ends] <= began do ends[#ends] = nil end
      if ends[1] and ended > ends[#ends] then return false end
      ends[#ends + 1] = ended
    end
  end
  return true
end

-- Whether the client and the platform tell of the same requests, as often.
function checks.pairs()
  local balance, count = {}, 0
  for _, event in ipairs(events) do
    if event.cat == "request" then
      local args = event.args
      local path = args.path:gsub("^/client/v4", "")
      local key = ("%s %s %s"):format(args.method, path, args.status)
      balance[key] = (balance[key] or 0) + (event.pid == 1 and 1 or -1)
      count = count + 1
    end
  end
  for _, difference in pairs(balance) do
    if difference ~= 0 then return false end
  end
  return count >= 16
end

-- Whether there is a wait of so many seconds, to a millisecond.
function checks.lasts(name, seconds)
  for _, event in ipairs(events) do
    if event.name == name and math.abs(event.dur - seconds * 1e6) < 1000 then return true end
  end
  return false
end

return checks[arg[2]](table.unpack(arg, 3))
