-- What a report adds to an error that nobody has caught, for the person who reads it: a hint where
-- plain Lua had none to give, a text for what has none, whole names of files, and the request that
-- failed in one line. Called by runtime/report.c; nothing here runs while a script is well.
local options = require "moonherd._options"

local M = {}

-- ---- did you mean ------------------------------------------------------------------------------

-- The public names and those of Lua's libraries that stand behind a separator: {last part -> whole
-- names}, and the last parts.
local function known_names(separator)
  local by_last, lasts = {}, {}
  local function add(name, last)
    if not by_last[last] then lasts[#lasts + 1] = last end
    by_last[last] = by_last[last] and by_last[last] .. " or " .. name or name
  end
  for entry in require "moonherd.docs.index".each() do
    local found, last = entry.name:match "([:.])([%w_]+)$"
    if found == separator then add(entry.name, last) end
  end
  local libraries = separator == ":" and { "string" }
    or { "string", "table", "math", "io", "os", "coroutine", "utf8", "debug" }
  for _, library in ipairs(libraries) do -- behind ours: of two that are as near the first is taken
    for name in pairs(_G[library] or {}) do add(library .. "." .. name, name) end
  end
  return by_last, lasts
end

local function nearest_global(name, only_tables)
  local names = { "moonherd" } -- which a script has after its require
  for global, value in pairs(_G) do
    local fits = type(global) == "string" and (type(value) == "table" or not only_tables)
    if fits then names[#names + 1] = global end
  end
  table.sort(names)
  return options.nearest(name, names)
end

local LEAST = 3 -- letters of a global: every name is near to a shorter one

local SEPARATORS = { method = ":", field = "." }

-- "attempt to call a nil value (method 'uplod')". A field that is indexed may be any table's: what
-- is near to its name would be guessing.
local function near_value(message)
  local what, kind, name = message:match "attempt to (%a+) a nil value %((%a+) '([%w_.]+)'%)"
  if what == "call" and SEPARATORS[kind] then
    local by_last, lasts = known_names(SEPARATORS[kind])
    local last = options.nearest(name:match "[%w_]+$", lasts)
    return by_last[last or ""], name
  end
  local is_global = kind == "global" and #name >= LEAST and (what == "call" or what == "index")
  if is_global then return nearest_global(name, what == "index"), name end
end

-- "module 'moonherd.fss' not found:…"
local function near_module(message)
  local name = message:match "module '([^'\n]+)' not found:"
  local prefix, own = (name or ""):match "^(moonherd%.)(.+)$"
  local names = { "moonherd" }
  if prefix then
    for entry in require "moonherd.docs.index".each() do
      local part = entry.kind == "module" and entry.name:match "^moonherd%.(.+)$"
      if part then names[#names + 1] = part end
    end
    local nearest = options.nearest(own, names)
    return nearest and prefix .. nearest, name
  end
  return name and options.nearest(name, names), name
end

-- The one global that people miss: a script asks for it, and only the REPL has it.
local NO_GLOBAL = 'local moonherd = require "moonherd"'

local NO_MEMORY = "less must be held at once: iterate in the place of collecting, read in pieces"

-- What namespace:scripts and its like give has no name of its own.
local ITERATOR = "is it an iterator, such as ns:scripts() gives? Then: for x in … do; "
  .. "moonherd.collect(…) makes a list of it"

local function is_about_iterator(message)
  return message:find "attempt to index a function value$"
    or message:find "attempt to index a function value %(local "
    or message:find "attempt to get length of a function value"
end

local function hint_of(message)
  if is_about_iterator(message) then return ITERATOR end
  if message:find "%(global 'moonherd'%)" then return NO_GLOBAL end
  if message:find "not enough memory$" then return NO_MEMORY end
  local nearest, name = near_value(message)
  if not nearest then nearest, name = near_module(message) end
  return nearest and nearest ~= name and ("did you mean %s?"):format(nearest) or nil
end

-- ---- messages ----------------------------------------------------------------------------------

local SHOWN <const> = { depth = 3, items = 20 }

-- A plain table that was raised says nothing as text: its fields are shown instead.
local function message_of_table(err)
  local mt = debug.getmetatable(err.cause)
  local speaks = type(mt) == "table" and (rawget(mt, "__tostring") or rawget(mt, "__name"))
  local is_mute = type(err.cause) == "table" and not speaks
  if not is_mute or not err.message:find "^[%w_.]+: 0?x?%x+$" then return nil end
  return require "moonherd.inspect".inspect(err.cause, SHOWN)
end

-- Lua keeps the end of a long file name only, and cuts characters: "...rd/tenants.lua:3: no".
-- The whole of it is in the trace, or in the message itself when the file could not be loaded.
local function with_whole_name(err)
  local before, cut = err.message:match "^(.-)%.%.%.([^\n]-):%d+: "
  if not cut or (before ~= "" and before:sub(-1) ~= "\t") then return nil end
  local places = (type(err.trace) == "string" and err.trace or "") .. "\n" .. before
  for name in places:gmatch "[^\t\n']+" do
    name = name:match "^(.-):%d+:" or name
    if #name > #cut and name:sub(-#cut) == cut and name:sub(1, 3) ~= "..." then
      local rest = err.message:sub(#before + #cut + 4)
      return before .. name .. rest
    end
  end
end

-- ---- the network -------------------------------------------------------------------------------

-- What can be done when no answer comes, by the reason of the error.
local NO_ANSWER = {
  dns_failed = "check how the host is spelled, and whether this machine can resolve names",
  connect_failed = "nothing listens there, or a firewall or proxy is between: check host and port",
  connection_reset = "the other end, or a proxy between, has hung up; try again later",
  tls_failed = "check the host's name and this machine's clock; ca_file trusts an authority of "
    .. "your own",
  timeout_connect = "the host does not answer: check its address; connect_timeout gives it longer",
  timeout_stall = "the connection stands, but nothing moves; stall_timeout gives it longer",
  timeout_total = "timeout gives it longer",
}

-- ---- what failed beside it ---------------------------------------------------------------------

local MOST_BESIDE <const> = 5

local function put_beside(lines, text)
  lines[#lines + 1] = "\talso: " .. tostring(text):gsub("%s+", " ")
end

local MOST_OF_STDERR <const> = 10

-- The last lines that a program has written before it failed; the very last is in the message.
local function put_stderr(lines, err)
  if err.kind ~= "process" or type(err.stderr) ~= "string" then return end
  local all = {}
  for line in err.stderr:gmatch "[^\r\n]+" do all[#all + 1] = line end
  if #all < 2 then return end
  lines[#lines + 1] = "\tit said:"
  for i = math.max(#all - MOST_OF_STDERR, 0) + 1, #all do lines[#lines + 1] = "\t  " .. all[i] end
end

-- The places where a module was looked for go behind what helps: they are many.
local function put_places(lines, err)
  local told, places = err.message:match "^(.-module '[^'\n]+' not found):\n(\t.+)$"
  if not told or not err.hint then return end
  err.message = told
  lines[#lines + 1] = "\tit was looked for:"
  for place in places:gmatch "[^\n]+" do lines[#lines + 1] = "\t  " .. place:gsub("^%s+", "") end
end

-- Errors of other tasks, the further entries of the API's answer, and what a program said, as lines
-- behind the trace.
local function trace_with_others(err)
  local lines, left = {}, 0
  for _, other in ipairs(type(err.also) == "table" and err.also or {}) do
    if #lines < MOST_BESIDE then put_beside(lines, other) else left = left + 1 end
  end
  for _, entry in ipairs(type(err.errors) == "table" and err.errors or {}) do
    local is_told = type(entry) ~= "table" or err.message:find(tostring(entry.message), 1, true)
    if not is_told and #lines < MOST_BESIDE then
      put_beside(lines, ("%s (code %s)"):format(entry.message, entry.code))
    end
  end
  if left > 0 then put_beside(lines, ("%d more"):format(left)) end
  put_stderr(lines, err)
  if err.kind == "script" then put_places(lines, err) end
  if not lines[1] then return err.trace end
  return (err.trace or "") .. "\n" .. table.concat(lines, "\n")
end

-- ---- all of it ---------------------------------------------------------------------------------

--- Makes an error as good to read as it can be: its message and hint, and what it says of others
--- that failed with it.
---@param err table  the error object
function M.advise(err)
  if type(err.message) ~= "string" then return end
  local hint = NO_ANSWER[err.reason]
  if err.kind == "script" then
    err.message = message_of_table(err) or with_whole_name(err) or err.message
    hint = hint_of(err.message)
  end
  if err.hint == nil then err.hint = hint end
  err.trace = trace_with_others(err)
end

-- ---- the request -------------------------------------------------------------------------------

local function counted(n)
  return n == 1 and "1 attempt" or ("%d attempts"):format(n)
end

--- The request of a failed call: "PUT /accounts/…/scripts/x, 5 attempts, ray id 8f…".
---@param err table  the error object
---@return string? line
function M.request(err)
  if type(err.method) ~= "string" or type(err.path) ~= "string" then return nil end
  local parts = { err.method .. " " .. err.path }
  if math.type(err.attempts) == "integer" then parts[#parts + 1] = counted(err.attempts) end
  if type(err.ray_id) == "string" then parts[#parts + 1] = "ray id " .. err.ray_id end
  if err.outcome == "unknown" then parts[#parts + 1] = "it may have been done" end
  return table.concat(parts, ", ")
end

return M
