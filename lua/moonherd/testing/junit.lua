-- Results as JUnit's XML, which CI services read: a suite a file. Written in one go at the end, as
-- the counts stand in front.
local log = require "moonherd._log"
local printable = require "moonherd._printable"

local ESCAPES = { ["<"] = "&lt;", [">"] = "&gt;", ["&"] = "&amp;", ['"'] = "&quot;" }

-- XML cannot hold control characters, text that is no UTF-8, and the last two of its first plane.
local function escape(text)
  text = printable.lines(log.mask(text)):gsub("\xEF\xBF[\xBE\xBF]", "?")
  return (text:gsub('[<>&"]', ESCAPES))
end

local function failures_text(result)
  local pieces = {}
  for _, failure in ipairs(result.failures) do
    local tag = result.status == "failure" and "failure" or "error"
    local first = failure.message:match "^[^\n]*"
    pieces[#pieces + 1] = ('      <%s message="%s">%s</%s>\n'):format(tag, escape(first),
      escape(table.concat({ failure.message, table.unpack(failure.stack) }, "\n")), tag)
  end
  return table.concat(pieces)
end

local function skipped_text(result)
  local why = result.failures[1]
  return why and ('      <skipped message="%s"/>\n'):format(escape(why.message))
    or "      <skipped/>\n"
end

local function case_text(result, file)
  local body = (result.status == "pending" and skipped_text or failures_text)(result)
  local head = ('    <testcase classname="%s" name="%s" time="%.3f"'):format(escape(file),
    escape(result.name), result.seconds)
  if body == "" or result.status == "success" then return head .. "/>\n" end
  return head .. ">\n" .. body .. "    </testcase>\n"
end

local function new_suite(name)
  return { name = name, tests = 0, failure = 0, error = 0, pending = 0, seconds = 0, cases = {} }
end

local function attributes(counts)
  return ('tests="%d" failures="%d" errors="%d" skipped="%d"'):format(counts.tests, counts.failure,
    counts.error, counts.pending)
end

return function (write)
  local M, suites, by_file = {}, {}, {}

  function M.result(result)
    local file = result.file or result.name
    if not by_file[file] then
      by_file[file] = new_suite(file)
      suites[#suites + 1] = by_file[file]
    end
    local suite = by_file[file]
    suite.tests, suite.seconds = suite.tests + 1, suite.seconds + result.seconds
    suite[result.status] = (suite[result.status] or 0) + 1
    table.insert(suite.cases, case_text(result, file))
  end

  function M.finish(counts, seconds)
    counts.tests = counts.success + counts.failure + counts.error + counts.pending
    write(('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites %s time="%.3f">\n'):format(
      attributes(counts), seconds))
    for _, suite in ipairs(suites) do
      write(('  <testsuite name="%s" %s time="%.3f">\n'):format(escape(suite.name),
        attributes(suite), suite.seconds))
      for _, case in ipairs(suite.cases) do write(case) end
      write "  </testsuite>\n"
    end
    write "</testsuites>\n"
  end

  return M
end
