-- Results for people: a line for each file with what has passed, what went wrong in full, the count
-- at the end. What takes long says how long.
local log = require "moonherd._log"

local SLOW = 1 -- seconds

return function (write)
  local M, file, passed, skipped = {}, nil, 0, 0

  local function end_file()
    if file and passed > 0 then
      local note = skipped > 0 and (", %d skipped"):format(skipped) or ""
      write(("ok %s (%d%s)\n"):format(file, passed, note))
    end
    passed, skipped = 0, 0
  end

  local function show_failure(failure)
    write("  ", (log.mask(failure.message):gsub("\n", "\n  ")), "\n")
    if failure.hint then write("  hint: ", log.mask(failure.hint), "\n") end
    for _, line in ipairs(failure.stack) do write("  ", log.mask(line), "\n") end
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
      write(("slow %s: %.1f s\n"):format(result.name, result.seconds))
      return
    end
    local where = result.place and result.place .. ": " or ""
    write(("not ok %s%s\n"):format(where, result.name))
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
