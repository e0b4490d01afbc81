-- What no source may contain or outgrow: unsafe functions, functions that belong to the host,
-- clocks beside the loop's, unfinished work, paths of one machine, too many lines.

local source = require "tests.lint.source"

local core, cli, host = "^runtime/core/", "^runtime/cli/", "^runtime/moonherd%.c$"

-- C functions: { names, files that may call them, why the others may not }.
local banned = {
  { "sprintf vsprintf strcpy strcat strtok atoi atol atoll atof alloca gets", {}, "unsafe" },
  { "strerror localtime gmtime ctime asctime rand", { cli }, "not safe with threads" },
  { "printf fprintf vprintf vfprintf puts putchar fputs perror", { cli },
    "the library never prints" },
  { "exit _exit _Exit signal sigaction system popen chdir setenv putenv unsetenv", { cli },
    "for the host to decide" },
  -- A timer of a few bytes that the system refuses: libuv aborts there as well.
  { "abort", { "^runtime/core/loop%.c$" }, "for the host to decide" },
  { "time gettimeofday clock_gettime sleep usleep nanosleep", { "^runtime/core/clock%.c$", cli },
    "time comes from core/clock" },
  -- The budget of a step is real time even when the clock is virtual.
  { "uv_hrtime uv_now", { core, host }, "time comes from core/clock" },
  -- A child process lives in real time even when the clock is virtual.
  { "uv_timer_init uv_timer_start", { "^runtime/core/loop%.c$", "^runtime/io/proc%.c$" },
    "timers come from core/loop" },
}

local function is_allowed(path, patterns)
  for _, pattern in ipairs(patterns) do
    if path:find(pattern) then return true end
  end
  return false
end

local function check_calls(path)
  for number, line in source.lines(source.code(path)) do
    for at, name in line:gmatch "%f[%w_]()([%a_][%w_]*)%s*%(" do
      local is_member = line:sub(1, at - 1):find "[.>]$"
      for _, ban in ipairs(is_member and {} or banned) do
        local names, allowed, why = table.unpack(ban)
        local is_banned = (" " .. names .. " "):find(" " .. name .. " ", 1, true)
        if is_banned and not is_allowed(path, allowed) then
          source.report(path, number, "%s: %s", name, why)
        end
      end
    end
  end
end

for path in source.files("^runtime/.*%.[ch]$", "^bindings/.*%.[ch]$") do check_calls(path) end

-- Lines a file may have, by the first pattern that matches.
local limits = {
  { "^examples/%d.*%.lua$", 39 }, { "^tests/.*%.c$", 1200 },
  { "^tests/.*%.lua$", 800 },
  { "^runtime/moonherd%.h$", 280 }, { "^runtime/moonherd_lua%.h$", 200 }, { "%.h$", 120 },
  { "%.c$", 600 }, { "%.lua$", 400 }, { "^Makefile$", 199 }, { "^README%.md$", 149 },
}

for path in source.files("%.[ch]$", "%.lua$", "^Makefile$", "^README%.md$") do
  local count = select(2, source.read(path):gsub("\n", ""))
  for _, limit in ipairs(limits) do
    if path:find(limit[1]) then
      if count > limit[2] then
        source.report(path, count, "%d lines; more than %d hold more than one job", count, limit[2])
      end
      break
    end
  end
end

local words = { "TODO", "FIXME", "XXX", "HACK" }

for path in source.files("%.[ch]$", "%.lua$", "%.sh$", "%.m?js$", "^Makefile$", "%.md$",
  "^%.ci/") do
  if path ~= "tests/lint/text.lua" then
    for number, line in source.lines(source.read(path)) do
      for _, word in ipairs(words) do
        if line:find("%f[%w_]" .. word .. "%f[^%w_]") then
          source.report(path, number, "%s: finish it or leave it out", word)
        end
      end
      if line:find "%f[%w/]/home/%a" or line:find "%f[%w/]/root/%a" then
        source.report(path, number, "a path of one machine")
      end
      if line:find "[ \t]$" then source.report(path, number, "space at the end of the line") end
      if line:find "\t" and (path:find "%.[ch]$" or path:find "%.lua$") then
        source.report(path, number, "a tab")
      end
    end
  end
end

source.finish()
