-- moonherd.sh: other programs, by lists of arguments. No shell reads them, so nothing needs quotes.
-- Whatever a call started has ended when it returns, also when it raises or is cancelled. Known
-- secrets are hidden in its errors.
local async = require "moonherd.async"
local core = require "moonherd._proc"
local env = require "moonherd.env"
local errors = require "moonherd.error"
local failure = require "moonherd._sh_failure"
local log = require "moonherd._log"
local options = require "moonherd._options"
local output = require "moonherd._sh_output"
local secret = require "moonherd.secret"

local M = {}

local MAX_OUTPUT <const> = 16 << 20
local MAX_STREAMED <const> = 64 << 10

local read_options = options.reader("moonherd.sh", {
  { "stdin", "string|function|file" },
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

-- The child's environment as a list, and its PATH.
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
  return list, values.PATH
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
  local list, path = environment_of(opts)
  local feeds = type(opts.stdin) == "function"
  local child, err = core.start(argv, list, {
    cwd = opts.cwd, stdin = not feeds and opts.stdin or nil, feeds = feeds,
    streams = opts.stream and true or false,
    max_output = opts.max_output, timeout = opts.timeout, grace = opts.grace,
  })
  return child or failure.raise_start(argv, err, opts, path)
end

-- Hands over what `next_piece` gives until it gives nothing, or the child reads no more.
local function feed(child, next_piece)
  repeat
    local piece = secret.reveal(next_piece())
    if piece ~= nil and type(piece) ~= "string" then
      errors.usage("moonherd.sh: option 'stdin' gave no text (string or nil expected, got %s)",
        type(piece))
    end
  until piece == nil or not child:write(piece)
  child:end_input()
end

local function wait_for(child, opts)
  if not opts.stream then return child:wait() end
  local prefix = type(opts.stream) == "string" and opts.stream or ""
  return output.show(child, prefix, opts.max_output)
end

-- The result, while a task of its own feeds the child, when that is wanted.
local function result_of(child, opts)
  if type(opts.stdin) ~= "function" then return wait_for(child, opts) end
  local result
  async.scope(function ()
    local feeder = async.spawn(feed, child, opts.stdin)
    result = wait_for(child, opts)
    feeder:cancel "the program has ended"
  end)
  return result
end

--- Runs a program and waits for its end. The list is the program and its arguments, as they are: no
--- shell reads them. It runs without a terminal, in a process group of its own: what is stopped, by
--- `timeout` or because the task is cancelled, is the whole group, with TERM and after `grace` with
--- KILL. The call returns when all who hold its output have let go of it.
---@async
---@param argv string[]  program and arguments; numbers are taken too. A program without a slash in
--- its name is looked up in PATH
---@param opts? table
---@field opts.stdin? string|function|file*  what it reads on standard input: text; what a function
--- gives, which is called for the next piece until it returns nil, and may wait; or what an open
--- file has from where it stands on, which it reads itself; default nothing
---@field opts.cwd? string  the folder it runs in; default that of this process
---@field opts.env? table  variables by name, over those of this process and of loaded .env files;
--- false removes one; default none
---@field opts.clear_env? boolean  begin without the variables of this process; default false
---@field opts.timeout? duration  after which it is stopped; default none
---@field opts.grace? duration  between TERM and KILL; default 3 s
---@field opts.max_output? integer  bytes kept of each stream: more is an error, default 16 MiB;
--- with `stream` the last ones are kept, default 64 KiB
---@field opts.stream? boolean|string  show output as it comes, each line behind this text; lines of
--- standard error go to standard error; true: without a text; of a line that is drawn over itself
--- with carriage returns what stands there in the end; default false
---@field opts.check? boolean  false: a code other than 0, and a signal, are results; default true
---@return table result
---@field result.stdout string  bytes
---@field result.stderr string  bytes
---@field result.code? integer  the exit code; nil when a signal ended it
---@field result.signal? string  the signal that ended it, such as "KILL"; else nil
---@error process exit  when its code is not 0; the error has code, the end of stderr, and the
--- command without secrets
---@error process signal  when a signal ended it
---@error process not_found  when there is no such program, or what a script names in its first line
---@error process permission  when it may not be run: a folder, a file that is no program
---@error process too_long  when the arguments are more than the system takes
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
  local result = result_of(child, opts)
  failure.raise_end(argv, result, opts)
  return {
    stdout = result.stdout, stderr = result.stderr, code = result.code, signal = result.signal,
  }
end

return M
