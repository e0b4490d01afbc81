-- Reads what the service says of an allowance, in the headers of its answers:
--
--   Ratelimit-Policy: "default";q=1200;w=300     the quota, and the window in seconds
--   Ratelimit: "default";r=1150;t=212            what is left of it, until it begins anew
--
-- Either may be a list, divided by commas: of several limits the one that is nearest counts.
local M = {}

-- Seconds. A window that is longer is a mistake of whoever sent it: at its pace nothing would ever
-- go again, in any process of the machine.
local LONGEST_WINDOW <const> = 24 * 3600

-- Two numbers of every item of a list.
local function items(text, first, second)
  local next_item = text:gmatch "[^,]+"
  return function ()
    for item in next_item do
      local a = math.tointeger(tonumber(item:match(first)))
      local b = math.tointeger(tonumber(item:match(second)))
      if a and b then return a, b end
    end
  end
end

--- The quota and the window; of several, those that allow the fewest requests a second.
---@param headers table<string, string>
---@return integer? quota  nil when nothing useful is said
---@return integer? window  seconds
function M.policy(headers)
  local quota, window
  for q, w in items(headers["ratelimit-policy"] or "", ";%s*q=(%d+)", ";%s*w=(%d+)") do
    local is_good = q > 0 and w > 0 and w <= LONGEST_WINDOW
    if is_good and (not quota or q / w < quota / window) then quota, window = q, w end
  end
  return quota, window
end

--- What is left; of several limits, of the one of which the least is.
---@param headers table<string, string>
---@return integer? left  nil when nothing useful is said
---@return integer? reset  seconds until it begins anew
function M.left(headers)
  local left, reset
  for r, t in items(headers.ratelimit or "", ";%s*r=(%d+)", ";%s*t=(%d+)") do
    if not left or r < left then left, reset = r, t end
  end
  return left, reset
end

return M
