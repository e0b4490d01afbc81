-- moonherd.sh: other programs, by lists of arguments. No shell reads them, so nothing needs quotes.
-- Whatever a call started has ended when it returns, also when it raises or is cancelled. Known
-- secrets are hidden in its errors.
local errors = require "moonherd.error"
local moonherd_try = require "moonherd.async".try
local log = require "moonherd._log"
local options = require "moonherd._options"
local core = require "moonherd._proc"
local env = require "moonherd.env"
local secret = require "moonherd.secret"

local M = {}

local MAX_OUTPUT <const> = 16 << 20
local MAX_STREAMED <const> = 64 << 10
local TAIL <const> = 2000 -- bytes of standard error that go into an error
local LONGEST_LINE <const> = 64 << 10 -- a longer one is shown as several

local read_options = options.reader("moonherd.sh", {
  { "stdin", "string" },
  { "cwd", "string" },
  { "env", "table" },
  { "clear_env", "boolean" },
  { "timeout", "duration" },
  { "grace", "duration", default = 3 },
  { "max_output", "integer", least = 0 },
  { "stream", "boolean|string" },
  { "check", "boolean", default = true },
})

-- ---- what the child is given -------------------------------------------------------------------

local function check_text(what, value)
  value = secret.reveal(value)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then
    errors.usage("moonherd.sh: bad %s (string expected, got %s)", what, type(value))
  elseif value:find("\0", 1, true) then
    errors.usage("moonherd.sh: bad %s (it has a zero byte)", what)
  end
  return value
end

local function check_argv(argv)
  if type(argv) ~= "table" then
    errors.usage('moonherd.sh: bad arguments (a list such as { "git", "status" } expected, got %s)',
      type(argv))
  end
  local list, count = {}, 0
  for key in pairs(argv) do
    if type(key) == "string" then
      errors.usage("moonherd.sh: bad arguments ('%s' is none: options are a second table)", key)
    end
    count = count + 1
  end
  for i = 1, count do list[i] = check_text("argument " .. i, argv[i]) end
  if count == 0 or list[1] == "" then errors.usage "moonherd.sh: the list names no program" end
  return list
end

-- The child's environment as a list.
local function environment_of(opts)
  local values, list = opts.clear_env and {} or env.all(), {}
  for name, value in pairs(opts.env or {}) do
    if type(name) ~= "string" or name == "" or name:find "[=%z]" then
      errors.usage("moonherd.sh: bad option 'env' ('%s' is no name)", name)
    end
    values[name] = value and check_text(("option 'env.%s'"):format(name), value) or nil
  end
  for name, value in pairs(values) do list[#list + 1] = name .. "=" .. value end
  table.sort(list)
  return list
end

-- ---- errors ------------------------------------------------------------------------------------

local HINTS = {
  not_found = "is it installed, and in the PATH of the call? A script also needs its interpreter",
  permission = "is it a program that this user may run?",
  timeout = "the option 'timeout' sets the limit",
  too_large = "raise the option 'max_output', or read the output from a file",
  exit = "check = false gives the result of a call that fails instead of raising",
}

-- The last lines of what a program said, without secrets.
local function tail_of(text)
  text = log.mask(text):match "^.*%S" or "" -- at once, however many spaces and lines there are
  if #text <= TAIL then return text end
  return "…" .. text:sub(-TAIL):gsub("^[^\n]*\n", "")
end

local function last_line(text)
  return text:match "^.*\n(.*)$" or text
end

local function failed(argv, reason, text, fields)
  local err = fields or {}
  err.kind, err.reason, err.hint = "process", reason, HINTS[reason]
  err.program = log.mask(argv[1])
  err.message = ("%s: %s"):format(err.program, text)
  if err.stderr and err.stderr ~= "" then
    err.message = err.message .. ": " .. last_line(err.stderr):gsub("%c", " ")
  end
  errors.raise(err)
end

local function raise_end(argv, result, opts)
  local fields = { code = result.code, signal = result.signal, stderr = tail_of(result.stderr) }
  if result.failure == "timeout" then
    failed(argv, "timeout", ("stopped after %g s"):format(opts.timeout), fields)
  elseif result.failure == "too_large" then
    local text = ("stopped after more than %d bytes of output"):format(opts.max_output)
    failed(argv, "too_large", text, fields)
  elseif not opts.check or result.code == 0 then
    return
  elseif result.code then
    failed(argv, "exit", "failed", fields)
  else
    failed(argv, "signal", ("ended by signal %s"):format(result.signal), fields)
  end
end

local function raise_start(argv, err, opts)
  if opts.cwd and (err.reason == "not_found" or err.reason == "not_started") then
    local info = moonherd_try(require "moonherd.fs".stat, opts.cwd)
    if not info or info.type ~= "directory" then
      errors.usage("moonherd.sh: bad option 'cwd' ('%s' is not a folder)", opts.cwd)
    end
  end
  failed(argv, err.reason, err.message)
end

-- ---- output that is shown as it comes ----------------------------------------------------------

-- Returns a function that writes what it is given, line by line, each behind the prefix. It holds
-- back what may go on: secrets are found in whole lines only.
local function line_writer(file, prefix)
  local rest = ""
  return function (text, is_last)
    text = rest .. text
    local lines = text:match "^.*\n" or ""
    rest = text:sub(#lines + 1)
    if #rest > (is_last and 0 or LONGEST_LINE) then
      lines, rest = text .. "\n", ""
    end
    if lines == "" then return end
    file:write(log.mask((lines:gsub("[^\n]*\n", function (line) return prefix .. line end))))
  end
end

-- Keeps the last bytes of what `add` is given; `text` joins them.
local function new_tail(most)
  local pieces, first, size = {}, 1, 0
  local function add(piece)
    pieces[#pieces + 1] = piece
    size = size + #piece
    while size - #pieces[first] >= most and first < #pieces do
      size = size - #pieces[first]
      pieces[first] = "" -- not nil: the list stays one
      first = first + 1
    end
  end
  local function text()
    local all = table.concat(pieces)
    return #all > most and all:sub(#all - most + 1) or all
  end
  return { add = add, text = text }
end

local function stream(child, opts)
  local prefix = type(opts.stream) == "string" and opts.stream or ""
  local show = { stdout = line_writer(io.stdout, prefix), stderr = line_writer(io.stderr, prefix) }
  local kept = { stdout = new_tail(opts.max_output), stderr = new_tail(opts.max_output) }
  local result
  repeat
    result = child:wait()
    for name, write in pairs(show) do
      write(result[name], result.is_over)
      kept[name].add(result[name])
    end
  until result.is_over
  result.stdout, result.stderr = kept.stdout.text(), kept.stderr.text()
  return result
end

-- ---- the call ----------------------------------------------------------------------------------

-- Ends a child however the call ends: when it was cancelled, within the grace of the task.
local function ending(child)
  return setmetatable({}, { __close = function ()
    if not child:is_over() then
      child:stop()
      pcall(function () while not child:wait().is_over do end end)
    end
    child:close()
  end })
end

local function start(argv, opts)
  local child, err = core.start(argv, environment_of(opts), {
    cwd = opts.cwd, stdin = opts.stdin, streams = opts.stream and true or false,
    max_output = opts.max_output, timeout = opts.timeout, grace = opts.grace,
  })
  return child or raise_start(argv, err, opts)
end

--- Runs a program and waits for its end. The list is the program and its arguments, as they are: no
--- shell reads them. It runs without a terminal, in a process group of its own: what is stopped, by
--- `timeout` or because the task is cancelled, is the whole group, with TERM and after `grace` with
--- KILL. The call returns when all who hold its output have let go of it.
---@async
---@param argv string[]  program and arguments; numbers are taken too. A program without a slash in
--- its name is looked up in PATH
---@param opts? table
---@field opts.stdin? string  what it reads on standard input; default nothing
---@field opts.cwd? string  the folder it runs in; default that of this process
---@field opts.env? table  variables by name, over those of this process and of loaded .env files;
--- false removes one; default none
---@field opts.clear_env? boolean  begin without the variables of this process; default false
---@field opts.timeout? duration  after which it is stopped; default none
---@field opts.grace? duration  between TERM and KILL; default 3 s
---@field opts.max_output? integer  bytes kept of each stream: more is an error, default 16 MiB;
--- with `stream` the last ones are kept, default 64 KiB
---@field opts.stream? boolean|string  show output as it comes, each line behind this text; lines of
--- standard error go to standard error; true: without a text; default false
---@field opts.check? boolean  false: a code other than 0, and a signal, are results; default true
---@return table result
---@field result.stdout string  bytes
---@field result.stderr string  bytes
---@field result.code? integer  the exit code; nil when a signal ended it
---@field result.signal? string  the signal that ended it, such as "KILL"; else nil
---@error process exit  when its code is not 0; the error has code and the end of stderr
---@error process signal  when a signal ended it
---@error process not_found  when there is no such program
---@error process permission  when it may not be run
---@error process timeout  when the time was over
---@error process too_large  when it wrote more than max_output
---@error usage usage  for bad arguments
---@example
--- print(moonherd.sh({ "tr", "a-z", "A-Z" }, { stdin = "quiet" }).stdout)     --> QUIET
--- local _, err = moonherd.try(moonherd.sh, { "ls", "/no/such/folder" })
--- print(err.kind, err.reason, err.code)     --> process exit 2
function M.run(argv, opts)
  argv, opts = check_argv(argv), read_options(opts)
  opts.max_output = opts.max_output or opts.stream and MAX_STREAMED or MAX_OUTPUT
  if opts.cwd then check_text("option 'cwd'", opts.cwd) end
  log.write("debug", "sh: " .. table.concat(argv, " "), { cwd = opts.cwd })
  local child = start(argv, opts)
  local _ <close> = ending(child)
  local result = opts.stream and stream(child, opts) or child:wait()
  raise_end(argv, result, opts)
  return {
    stdout = result.stdout, stderr = result.stderr, code = result.code, signal = result.signal,
  }
end

return M
