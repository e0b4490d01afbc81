-- Results for people: a line for each file with what has passed, what went wrong in full, the count
-- at the end. What takes long says how long. On a terminal the words that tell how it went are
-- coloured: never the words of tests, which may be anybody's.
local log = require "moonherd._log"
local printable = require "moonherd._printable"

local SLOW = 1 -- seconds

local RED <const>, GREEN <const>, YELLOW <const> = 31, 32, 33

return function (write, has_colour)
  local M, file, passed, skipped = {}, nil, 0, 0

  local function paint(colour, word)
    return has_colour and ("\27[%dm%s\27[0m"):format(colour, word) or word
  end

  -- Lines behind the first are below it.
  local function say(format, ...)
    local text = printable.lines(log.mask(format:format(...)))
    write((text:gsub("\n", "\n  ")), "\n")
  end

  local function say_painted(colour, word, format, ...)
    write(paint(colour, word), " ")
    say(format, ...)
  end

  local function end_file()
    if file and passed > 0 then
      local note = skipped > 0 and (", %d skipped"):format(skipped) or ""
      say_painted(GREEN, "ok", "%s (%d%s)", file, passed, note)
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
      say_painted(YELLOW, "slow", "%s: %.1f s", result.name, result.seconds)
      return
    end
    local where = result.place and result.place .. ": " or ""
    say_painted(RED, "not ok", "%s%s", where, result.name)
    for _, failure in ipairs(result.failures) do show_failure(failure) end
  end

  function M.finish(counts, seconds)
    end_file()
    local failed = counts.failure + counts.error
    local note = counts.pending > 0 and (", %d skipped"):format(counts.pending) or ""
    local line = ("%d passed, %d failed%s"):format(counts.success, failed, note)
    local is_good = failed == 0 and counts.success > 0
    write(paint(is_good and GREEN or RED, line), (" in %.2f s\n"):format(seconds))
  end

  return M
end
