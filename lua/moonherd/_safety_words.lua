-- `--dry-run` and `--read-only` among the arguments of a script: they hold wherever they stand
-- before a `--`, as on the command line (runtime/cli/options.c); the script need not know them.
local host = require "moonherd._host"

local M = {}

local OPTIONS <const> = { ["--dry-run"] = "dry_run", ["--read-only"] = "read_only" }

local function end_of_options(words)
  for i, word in ipairs(words) do
    if word == "--" then return i end
  end
  return #words + 1
end

--- Has those among the words hold, until what is returned is closed.
---@param words string[]
---@return table scope  closed, it makes all as it was
function M.hold(words)
  local before = { dry_run = host.options.dry_run, read_only = host.options.read_only }
  for i = 1, end_of_options(words) - 1 do
    local option = OPTIONS[words[i]]
    if option then host.options[option] = true end
  end
  return setmetatable({}, { __close = function ()
    host.options.dry_run, host.options.read_only = before.dry_run, before.read_only
  end })
end

--- The words without those that hold, but for what the script has an option of its own for.
---@param words string[]
---@param own table  by name, such as "--dry-run": whether the script has it
---@return string[] words
function M.without(words, own)
  local list, last = {}, end_of_options(words)
  for i, word in ipairs(words) do
    local option = i < last and not own[word] and OPTIONS[word]
    if not (option and host.options[option]) then list[#list + 1] = word end
  end
  return list
end

return M
