-- Holds the cases against the list of operations: each must be seen to succeed, and to give each of
-- its errors. And no case may hold a word that nobody reads: it would check less than it says.

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

local function set_of(words)
  local set = {}
  for word in words:gmatch "%S+" do set[word] = true end
  return set
end

local OF_CASE = set_of "name source needs live"
local OF_NEEDS = set_of "namespace script"
local OF_STEP = set_of "json form body type chunked headers token expect"
local OF_EXPECTATION =
  set_of "status code codes errors messages result result_info headers body parts"

local function check_words(given, known, where, gaps)
  for word in pairs(type(given) == "table" and given or {}) do
    if type(word) == "string" and not known[word] then
      gaps[#gaps + 1] = ("%s: nobody reads '%s'"):format(where, word)
    end
  end
end

local function check_case(case, where, gaps)
  check_words(case, OF_CASE, where, gaps)
  check_words(case.needs, OF_NEEDS, where, gaps)
  for _, one in ipairs(case) do
    check_words(one, OF_STEP, where, gaps)
    check_words(one.expect, OF_EXPECTATION, where, gaps)
  end
  if not (case.name and case.source and case[1]) then
    gaps[#gaps + 1] = where .. ": a case needs a name, a source and a step"
  end
end

--- The gaps, one line each.
function M.gaps(groups)
  local seen, gaps = seen_outcomes(groups), {}
  for _, group in ipairs(groups) do
    for _, case in ipairs(group) do
      check_case(case, ("%s: %s"):format(group.operation, case.name), gaps)
    end
  end
  for _, operation in ipairs(operations.list) do
    check_operation(operation, seen[operation], gaps)
  end
  return gaps
end

return M
