-- A session of the REPL: runs one line after the other, each as a task, and prints what it gives. A
-- line is done when its code is; what it has spawned goes on behind, and prints above the prompt.
-- Knows nothing of terminals: text comes in, text goes out, `ready` says when the next may come.
local async = require "moonherd.async"
local clock = require "moonherd._clock"
local events = require "moonherd._events"
local inspect = require "moonherd.inspect".inspect
local lines = require "moonherd.repl.lines"
local options = require "moonherd._options"
local raw_errors = require "moonherd._error"
local task = require "moonherd._task"
local text_of_docs = require "moonherd.docs.text"

local Session = {}
Session.__index = Session

--- A new session.
---@param ready function  called with the next prompt, when the next line may come
---@return table session
local function new(ready)
  return setmetatable({ ready = ready, lines = lines.new(), terminal = {} }, Session)
end

-- ---- running -----------------------------------------------------------------------------------

local function print_results(self, results)
  local terminal = self.terminal
  for i = 1, results.n do
    print(inspect(results[i],
      { width = terminal.columns, colour = terminal.colour, ascii = terminal.ascii }))
  end
  if results.n > 0 then _G._ = results[1] end
end

local function say_failure(err)
  err = raw_errors.wrap(err)
  if err.kind == "cancelled" then io.stderr:write "cancelled\n"
  else raw_errors.report(err) end
end

local function tell_time(began)
  print(("took %.3f s"):format(clock.now() - began))
end

-- In a task of its own, whose children may outlive it: their errors are told when they come.
local function run_line(self, chunk, is_timed)
  local began = clock.now()
  local results = table.pack(xpcall(chunk, raw_errors.wrap))
  if results[1] then
    print_results(self, table.pack(table.unpack(results, 2, results.n)))
  else
    say_failure(results[2])
  end
  if is_timed then tell_time(began) end
  self.running = nil
  self.ready "> "
end

local function start(self, chunk, is_timed)
  events.spawn(function ()
    local running = async.spawn(run_line, self, chunk, is_timed)
    self.running = running
    local ok, err = pcall(running.wait, running)
    if ok or task.must_pass(err) then return end
    if self.running == running then self.running = nil self.ready "> " end
    if raw_errors.wrap(err).kind ~= "cancelled" then raw_errors.report(err) end
  end)
end

-- ---- commands ----------------------------------------------------------------------------------

local ABOUT = {
  "Lines of Lua; `moonherd` is there. An expression shows its value, _ is the last one. Calls that "
    .. "wait just wait; locals end with their line.",
  "Tab completes names, Ctrl-C cancels what runs, Ctrl-D leaves. A line that begins with a space "
    .. "is not kept in the history.",
}

local ABOUT_COMMANDS = {
  { ":help NAME", "the documentation of a name, such as moonherd.map or script:upload" },
  { ":tasks", "what runs, and what it waits for" },
  { ":time CODE", "how long it takes" },
  { ":load FILE", "run a file, and keep its globals" },
}

local WIDE <const> = 60 -- columns, from which on names and texts stand beside each other

local function print_help(columns)
  print(text_of_docs.wrap(ABOUT[1], 0, columns))
  for _, command in ipairs(ABOUT_COMMANDS) do
    if columns >= WIDE then
      print(("  %-11s  %s"):format(command[1], command[2]))
    else
      print(("  %s\n%s"):format(command[1], text_of_docs.wrap(command[2], 4, columns)))
    end
  end
  print(text_of_docs.wrap(ABOUT[2], 0, columns))
end

local COMMANDS = {}

function COMMANDS.help(self, name)
  local columns = self.terminal.columns
  if name == "" then return function () print_help(columns) end end
  return function () require "moonherd.cli.help".run { NAME = name, columns = columns } end
end

function COMMANDS.tasks()
  return function ()
    local own = {} -- tasks of the host are the session itself
    for line in task.dump():gmatch "[^\n]+" do
      if not line:find("spawned at the host", 1, true) then own[#own + 1] = line end
    end
    print(own[1] and table.concat(own, "\n") or "nothing runs but this line")
  end
end

function COMMANDS.time(_, code)
  local chunk, why = lines.new():add(code)
  if not chunk then return nil, why or "the code ends too early" end
  return chunk, nil, true
end

function COMMANDS.load(_, path)
  local chunk, why = async.try(require "moonherd._source".load, path)
  return chunk, raw_errors.is(why) and why.message or why
end

local function names_of(commands)
  local names = {}
  for name in pairs(commands) do names[#names + 1] = ":" .. name end
  table.sort(names)
  return names
end

-- A function to run, or nil and what is wrong.
local function command_of(self, text)
  local name, rest = text:match "^:(%a*)%s*(.-)%s*$"
  local command = COMMANDS[name]
  if command then return command(self, rest) end
  return nil, ("there is no command :%s%s"):format(name or "",
    options.suggestion(":" .. (name or ""), names_of(COMMANDS), "commands"))
end

-- ---- lines -------------------------------------------------------------------------------------

local function refuse(self, why)
  io.stderr:write("moonherd: ", why, "\n")
  self.ready "> "
end

--- Takes a line.
---@async
---@param text string
---@param terminal table  columns, colour, ascii: how results are shown
function Session:line(text, terminal)
  self.terminal = terminal
  if text:find "^%s*$" and not self.lines.pending then return self.ready "> " end
  local chunk, why, is_timed
  if text:sub(1, 1) == ":" and not self.lines.pending then
    chunk, why, is_timed = command_of(self, text)
  else
    chunk, why = self.lines:add(text)
    if not chunk and not why then return self.ready ">> " end
  end
  if not chunk then return refuse(self, why) end
  start(self, chunk, is_timed)
end

--- Cancels the line that runs, or drops the one that is typed.
function Session:cancel()
  self.lines:drop()
  if self.running then self.running:cancel "interrupted"
  else self.ready "> " end
end

return { new = new }
