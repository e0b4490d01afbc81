-- moonherd repl: lines of Lua, run as they come. The executable has the terminal and sends them as
-- events (runtime/cli/repl.c says which); what they print goes the way of every script's output.
local moonherd = require "moonherd"
local sessions = require "moonherd.repl.session"

local M = {}

--- It has no arguments.
---@param _ table  a parser of argparse
function M.configure(_) end

local MOST_LISTED <const> = 100 -- names; more nobody looks through
local COLUMNS <const> = 78 -- until a line has told how many there are

-- Names beside each other, in lines of a terminal.
local function in_columns(names, columns)
  local pieces, width = {}, 0
  for i = 1, math.min(#names, MOST_LISTED) do
    local name = names[i]
    if width > 0 and width + #name + 2 > columns then
      pieces[#pieces + 1], width = "\n", 0
    end
    pieces[#pieces + 1] = name .. "  "
    width = width + #name + 2
  end
  local lines = table.concat(pieces):gsub(" +\n", "\n"):gsub(" +$", "")
  local left = #names - MOST_LISTED
  return left > 0 and ("%s\nand %d more\n"):format(lines, left) or lines .. "\n"
end

-- What Tab adds to the line; names to choose from are printed above it. What it takes to know them
-- is loaded then: the first prompt is not to wait for it.
local function completion(session, text)
  local complete = require "moonherd.repl.complete"
  local stem, names = complete.names(session:code_before(text), _G)
  local rest = complete.common(names):sub(#stem + 1)
  if rest == "" and #names > 1 then
    io.write(in_columns(names, session.terminal.columns or COLUMNS))
  end
  return rest
end

-- The executable takes no keys until it is told, whatever happens here.
local function on_complete(session, text)
  local ok, rest = pcall(completion, session, text)
  moonherd.emit("repl.insert", ok and rest or "")
  if not ok then error(rest, 0) end
end

local function on_ready(prompt)
  moonherd.emit("repl.ready", prompt)
end

local function on_failed()
  moonherd.emit("repl.failed", "")
end

local function on_quit()
  moonherd.emit("repl.quit", "")
end

local function print_help(name, columns)
  require "moonherd.cli.help".run { NAME = name, columns = columns }
end

--- Runs until the executable cancels it.
---@async
---@return integer code
function M.run()
  _G.moonherd = moonherd
  io.stdout:setvbuf "line" -- what is printed, logged and reported stands in the order it came
  local session = sessions.new {
    ready = on_ready, failed = on_failed, quit = on_quit, help = print_help,
  }
  moonherd.on("repl.line", function (line) session:line(line.text, line) end)
  moonherd.on("repl.complete", function (text) on_complete(session, text) end)
  moonherd.on("repl.cancel", function () session:cancel() end)
  session.ready "> "
  return 0
end

return M
