-- Results as TAP 13, the Test Anything Protocol: a numbered line a test, the plan at the end.
local log = require "moonherd._log"
local printable = require "moonherd._printable"

return function (write)
  local M, number = {}, 0

  local function line_of(text)
    text = log.mask(text):gsub("%s*\n%s*", " ")
    return (printable.line(text):gsub("[\\#]", "\\%0"))
  end

  local function reason(result)
    return result.failures[1] and " " .. line_of(result.failures[1].message) or ""
  end

  local function comment(text)
    write("# ", (printable.lines(log.mask(text)):gsub("\n", "\n# ")), "\n")
  end

  write "TAP version 13\n"

  function M.result(result)
    number = number + 1
    local is_good = result.status == "success" or result.status == "pending"
    local directive = result.status == "pending" and " # SKIP" .. reason(result) or ""
    write(("%s %d - %s%s\n"):format(is_good and "ok" or "not ok", number, line_of(result.name),
      directive))
    if is_good then return end
    if result.place then comment("at " .. result.place) end
    for _, failure in ipairs(result.failures) do comment(failure.message) end
  end

  function M.finish()
    write(("1..%d\n"):format(number))
  end

  return M
end
