-- Holds the cases against the list of operations: each must be seen to succeed, and to give each of
-- its errors.

local operations = require "tests.conformance.operations"
local step = require "tests.conformance.step"

local M = {}

local function key_of(code)
  return type(code) == "string" and code or ("%d/%d"):format(operations.STATUS[code], code)
end

-- operation -> set of outcomes that some case expects
local function seen_outcomes(groups)
  local seen = {}
  for _, operation in ipairs(operations.list) do seen[operation] = {} end
  for _, group in ipairs(groups) do
    for _, case in ipairs(group) do
      for _, one in ipairs(case) do
        local operation = operations.find(one[1])
        if operation then seen[operation][step.outcome(one)] = true end
      end
    end
  end
  return seen
end

local function check_operation(operation, seen, gaps)
  local function report(format, ...)
    gaps[#gaps + 1] = operation[1] .. ": " .. format:format(...)
  end
  if not seen.success then report "no case of success" end
  for _, code in ipairs(operations.errors_of(operation)) do
    local is_excused, key = operations.excuse(operation, code) ~= nil, key_of(code)
    if is_excused and seen[key] then report("%s is excused, but there is a case", key) end
    if not (is_excused or seen[key]) then report("no case of %s", key) end
  end
end

--- The gaps, one line each.
function M.gaps(groups)
  local seen, gaps = seen_outcomes(groups), {}
  for _, operation in ipairs(operations.list) do
    check_operation(operation, seen[operation], gaps)
  end
  return gaps
end

return M
