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

local Session = {}
Session.__index = Session

--- A new session.
---@param host table
---@field host.ready function  called with the next prompt, when the next line may come
---@field host.failed function  called when a line has failed
---@field host.quit function  called when the session is to end
---@field host.help function  prints the help on a name: help(name, columns)
---@return table session
local function new(host)
  return setmetatable({
    ready = host.ready, failed = host.failed, quit = host.quit, help = host.help,
    lines = lines.new(), terminal = {}, told = {}, cancels = 0,
  }, Session)
end

-- ---- running -----------------------------------------------------------------------------------

-- Tells something about a session once: who knows it needs no more.
local function say_once(self, what)
  if self.told[what] then return end
  self.told[what] = true
  io.stderr:write(what, "\n")
end

-- Only what tells of many things needs it: the first prompt is not to wait for it.
local function wrap(...)
  return require "moonherd.docs.text".wrap(...)
end

local PART = "(shown in part; print(moonherd.inspect(_, { items = 5000, depth = 20 })) shows more)"
local PART_OF_TEXT = "(shown in part; print(_) shows it all)"
local LONGEST_TEXT <const> = 10000 -- bytes of a text that is shown whole

-- What of a long text is shown.
local function beginning(text)
  local cut = utf8.offset(text, 0, LONGEST_TEXT) or LONGEST_TEXT
  return text:sub(1, cut - 1)
end

-- The module as a table has only what was used.
local function print_other_names(columns)
  local names = {}
  for name in pairs(require "moonherd._parts") do
    if rawget(package.loaded.moonherd, name) == nil then names[#names + 1] = name end
  end
  table.sort(names)
  print(wrap(("There are also, once they are used: %s. :help moonherd tells of all.")
    :format(table.concat(names, ", ")), 0, columns))
end

local function print_result(self, value)
  local terminal = self.terminal
  local is_long = type(value) == "string" and #value > LONGEST_TEXT
  local text = inspect(is_long and beginning(value) or value,
    { width = terminal.columns, colour = terminal.colour, ascii = terminal.ascii })
  local dots = terminal.ascii and "..." or "…"
  if is_long then text = ("%s%s (%d bytes)"):format(text, dots, #value) end
  print(text)
  if value == package.loaded.moonherd then print_other_names(terminal.columns)
  elseif is_long then say_once(self, PART_OF_TEXT)
  elseif type(value) == "table" and text:find(dots, 1, true) then say_once(self, PART) end
end

local function print_results(self, results)
  if results.n > 0 then _G._ = results[1] end
  for i = 1, results.n do print_result(self, results[i]) end
end

local function say_failure(self, err)
  err = raw_errors.wrap(err)
  if err.kind == "cancelled" then io.stderr:write "cancelled\n"
  else raw_errors.report(err) end
  self.failed()
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
    say_failure(self, results[2])
  end
  if is_timed then tell_time(began) end
  self.running, self.cancels = nil, 0
  self.ready "> "
end

local function start(self, chunk, is_timed)
  events.spawn(function ()
    local running = async.spawn(run_line, self, chunk, is_timed)
    self.running = running
    local ok, err = pcall(running.wait, running)
    if ok or task.must_pass(err) then return end
    if self.running == running then self.running = nil self.ready "> " end
    if raw_errors.wrap(err).kind ~= "cancelled" then say_failure(self, err) end
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
  { ":help NAME", "the documentation of a name, such as map or script:upload" },
  { ":tasks", "what runs, and what it waits for" },
  { ":time CODE", "how long it takes" },
  { ":load FILE", "run a file, and keep its globals" },
  { ":quit", "leave, as Ctrl-D does; :q, too" },
}

local WIDE <const> = 60 -- columns, from which on names and texts stand beside each other

local function print_help(columns)
  print(wrap(ABOUT[1], 0, columns))
  for _, command in ipairs(ABOUT_COMMANDS) do
    if columns >= WIDE then
      print(("  %-11s  %s"):format(command[1], command[2]))
    else
      print(("  %s\n%s"):format(command[1], wrap(command[2], 4, columns)))
    end
  end
  print(wrap(ABOUT[2], 0, columns))
end

local COMMANDS = {}

function COMMANDS.help(self, name)
  local columns = self.terminal.columns
  if name == "" then return function () print_help(columns) end end
  return function () self.help(name, columns) end
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
  if path == "" then return nil, ":load: which file? As in :load setup.lua" end
  path = require "moonherd.repl.places".without_tilde(path)
  local chunk, why = async.try(require "moonherd._source".load, path)
  return chunk, raw_errors.is(why) and why.message or why
end

function COMMANDS.quit(self)
  return self.quit
end

COMMANDS.q = COMMANDS.quit

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
  say_failure(self, why)
  self.ready "> "
end

-- What people type who come from other languages, where these names are something.
local LEAVES, HELPS = "Ctrl-D or :quit leaves", ":help says what there is, :help NAME more of it"
local WORDS = { exit = LEAVES, quit = LEAVES, help = HELPS }

-- What to say to such a word.
local function answer_to(text)
  local word, rest = text:match "^%s*(%a+)%s*(.-)%s*$"
  local is_alone = rest == "" or rest and rest:find "^%(%s*%);?$" ~= nil
  return is_alone and rawget(_G, word) == nil and WORDS[word] or nil
end

local LOCALS = "(a local ends with its line; without `local` the name is kept)"

--- Takes a line.
---@async
---@param text string
---@param terminal table  columns, colour, ascii: how results are shown
function Session:line(text, terminal)
  self.terminal = terminal
  if text:find "^%s*$" and not self.lines.pending then return self.ready "> " end
  local answer = not self.lines.pending and answer_to(text)
  if answer then
    print(answer)
    return self.ready "> "
  end
  local chunk, why, is_timed
  if text:sub(1, 1) == ":" and not self.lines.pending then
    chunk, why, is_timed = command_of(self, text)
  else
    chunk, why = self.lines:add(text)
    if not chunk and not why then return self.ready ">> " end
  end
  if not chunk then return refuse(self, why) end
  if text:find "^%s*local%s" and not text:find "[\n;]" then say_once(self, LOCALS) end
  start(self, chunk, is_timed)
end

--- The code up to the cursor: what is typed belongs to the lines before it.
---@param text string
---@return string code
function Session:code_before(text)
  return self.lines.pending and self.lines.pending .. "\n" .. text or text
end

local STAYS = [[
moonherd: the line catches what cancels it; it is closed when its grace is over
  hint: Ctrl-\ shows what its tasks wait for; SIGTERM ends the session]]

--- Cancels the line that runs, or drops the one that is typed.
function Session:cancel()
  self.lines:drop()
  if not self.running then return self.ready "> " end
  self.cancels = self.cancels + 1
  if self.cancels == 2 then io.stderr:write(STAYS, "\n") end
  self.running:cancel "interrupted"
end

return { new = new }
