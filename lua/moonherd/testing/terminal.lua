-- Results for people: a line for each file with what has passed, what went wrong in full, the count
-- at the end. What takes long says how long.
local log = require "moonherd._log"
local printable = require "moonherd._printable"

local SLOW = 1 -- seconds

return function (write)
  local M, file, passed, skipped = {}, nil, 0, 0

  -- Lines behind the first are below it. What tests say may be anybody's.
  local function say(format, ...)
    local text = printable.lines(log.mask(format:format(...)))
    write((text:gsub("\n", "\n  ")), "\n")
  end

  local function end_file()
    if file and passed > 0 then
      local note = skipped > 0 and (", %d skipped"):format(skipped) or ""
      say("ok %s (%d%s)", file, passed, note)
    end
    passed, skipped = 0, 0
  end

  local function show_failure(failure)
    say("  %s", failure.message)
    if failure.hint then say("  hint: %s", failure.hint) end
    for _, line in ipairs(failure.stack) do say("  %s", line) end
  end

  function M.result(result)
    if result.file ~= file then
      end_file()
      file = result.file
    end
    if result.status == "pending" then
      skipped = skipped + 1
      return
    end
    if result.status == "success" then
      passed = passed + 1
      if result.seconds < SLOW then return end
      say("slow %s: %.1f s", result.name, result.seconds)
      return
    end
    local where = result.place and result.place .. ": " or ""
    say("not ok %s%s", where, result.name)
    for _, failure in ipairs(result.failures) do show_failure(failure) end
  end

  function M.finish(counts, seconds)
    end_file()
    local failed = counts.failure + counts.error
    local note = counts.pending > 0 and (", %d skipped"):format(counts.pending) or ""
    local line = ("%d passed, %d failed%s"):format(counts.success, failed, note)
    write(("%s in %.2f s\n"):format(line, seconds))
  end

  return M
end
