-- The errors of moonherd.sh: how a program ended, what it said last, or why it could not begin.
-- Secrets are hidden in all of it.
local errors = require "moonherd.error"
local log = require "moonherd._log"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local printable = require "moonherd._printable"

local M = {}

local TAIL <const> = 2000 -- bytes of standard error that go into an error
local LONGEST_COMMAND <const> = 500 -- bytes
local LONGEST_SHOWN <const> = 80 -- of it in a message, which is one line
local DEFAULT_PATH <const> = "/bin:/usr/bin" -- the C library's, where the call has none
local MOST_FOLDERS <const>, MOST_NAMES <const> = 32, 20000 -- that are looked through for a name

local HINTS = {
  not_found = "is it installed, and in the PATH of the call?",
  permission = "is it a program that this user may run?",
  timeout = "the option 'timeout' sets the limit",
  too_large = "raise the option 'max_output', or have it write to a file",
  too_long = "hand it over by the option 'stdin', or in a file",
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

-- The arguments as a person would type them.
local function command_of(argv)
  local words = {}
  for i, word in ipairs(argv) do
    words[i] = word:find "^[%w%%+,./:=@_-]+$" and word or "'" .. word:gsub("'", "'\\''") .. "'"
  end
  local text = log.mask(table.concat(words, " "))
  return #text > LONGEST_COMMAND and text:sub(1, LONGEST_COMMAND) .. "…" or text
end

-- What of a command fits into a message.
local function shown(command)
  local line = printable.line((command:gsub("%s+", " ")))
  if #line <= LONGEST_SHOWN then return line end
  return line:sub(1, LONGEST_SHOWN):gsub("[\xC0-\xFF][\x80-\xBF]*$", "") .. "…"
end

-- One that has run is named by its command: of a shell or an interpreter the name says nothing.
local function failed(argv, reason, text, fields, has_run)
  local err = fields or {}
  err.kind, err.reason, err.hint = "process", reason, err.hint or HINTS[reason]
  err.program, err.command = log.mask(argv[1]), command_of(argv)
  err.message = ("%s: %s"):format(has_run and shown(err.command) or err.program, text)
  if err.stderr and err.stderr ~= "" then
    err.message = err.message .. ": " .. last_line(err.stderr):gsub("%c", " ")
  end
  errors.raise(err)
end

--- Raises what became of a program, unless it ended as it should.
---@param argv string[]
---@param result table  of child:wait
---@param opts table  those of the call
function M.raise_end(argv, result, opts)
  local fields = { code = result.code, signal = result.signal, stderr = tail_of(result.stderr) }
  if result.failure == "timeout" then
    local text = ("stopped after its timeout of %g s"):format(opts.timeout)
    failed(argv, "timeout", text, fields, true)
  elseif result.failure == "too_large" then
    local text = ("stopped after more than %d bytes of output"):format(opts.max_output)
    failed(argv, "too_large", text, fields, true)
  elseif not opts.check or result.code == 0 then
    return
  elseif result.code then
    failed(argv, "exit", "failed", fields, true)
  else
    failed(argv, "signal", ("ended by signal %s"):format(result.signal), fields, true)
  end
end

-- ---- what could not begin ----------------------------------------------------------------------

local function stat(path)
  return (moonherd_try(require "moonherd.fs".stat, path))
end

-- The program in PATH whose name is nearest; nil when none is near.
local function nearest_program(name, path)
  local fs, names, folders = require "moonherd.fs", {}, 0
  for folder in path:gmatch "[^:]+" do
    folders = folders + 1
    if folders > MOST_FOLDERS or #names > MOST_NAMES then break end
    local list = moonherd_try(fs.list, folder) or {}
    table.move(list, 1, #list, #names + 1, names)
  end
  return options.nearest(name, names)
end

local function hint_for_name(name, path)
  if path == "" then return "the variable PATH of the call is empty" end
  local nearest = nearest_program(name, path or DEFAULT_PATH)
  return nearest and ("did you mean '%s'?"):format(nearest) or HINTS.not_found
end

-- The program that a script names in its first line.
local function interpreter_of(path)
  local file = io.open(path, "rb")
  local line = file and file:read(256)
  if file then file:close() end
  return line and line:match "^#![ \t]*([^ \t\r\n]+)"
end

local function raise_not_found(argv, path, text)
  local name = argv[1]
  if not name:find "/" then
    return failed(argv, "not_found", text, { hint = hint_for_name(name, path) })
  end
  local info = stat(name)
  if not info then return failed(argv, "not_found", text, { hint = "is the path right?" }) end
  local interpreter = info.type == "file" and interpreter_of(name)
  local what = interpreter and ("its interpreter '%s'"):format(log.mask(interpreter))
    or "what loads it"
  failed(argv, "not_found", what .. " is not there", {
    hint = "install it, or correct the first line",
  })
end

local function raise_permission(argv, text)
  local info = argv[1]:find "/" and stat(argv[1])
  if info and info.type == "directory" then
    failed(argv, "permission", "it is a folder", { hint = "name a program" })
  elseif info and info.mode & 73 == 0 then -- 0111
    local hint = ("chmod +x %s makes it one"):format(log.mask(argv[1]))
    failed(argv, "permission", text, { hint = hint })
  end
  failed(argv, "permission", text)
end

--- Raises why a program could not begin.
---@async
---@param argv string[]
---@param err table  the error of the binding
---@param opts table  those of the call
---@param path? string  the variable PATH of the call
function M.raise_start(argv, err, opts, path)
  if opts.cwd and (err.reason == "not_found" or err.reason == "not_started") then
    local info = stat(opts.cwd)
    if not info or info.type ~= "directory" then
      errors.usage("moonherd.sh: bad option 'cwd' ('%s' is not a folder)", opts.cwd)
    end
  end
  -- A relative name is that of the folder the program runs in; what stands here is another file.
  local can_look = not opts.cwd or argv[1]:sub(1, 1) == "/" or not argv[1]:find "/"
  if can_look and err.reason == "not_found" then raise_not_found(argv, path, err.message) end
  if can_look and err.reason == "permission" then raise_permission(argv, err.message) end
  failed(argv, err.reason, err.message)
end

return M
