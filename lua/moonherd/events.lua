-- Events between a script and the program it runs in, and values that outlive the script. Events
-- from the host are handled by tasks: one for each name takes them, and each event is handled in a
-- task of its own. They belong to the script's main task, so that a handler keeps the script alive.
local core = require "moonherd._events"
local errors = require "moonherd.error"
local json = require "moonherd.json"
local raw_errors = require "moonherd._error"
local raw_json = require "moonherd._json"
local task = require "moonherd._task"

local M = {}

local CONCURRENT = 1000 -- events of one name that are handled at once, with concurrent = true

local receivers = {} -- name -> {f = the handler or nil, limit =, running =, freed = waitlist}

local function check_callable(f)
  local meta = getmetatable(f)
  if type(f) == "function" or (type(meta) == "table" and meta.__call) then return end
  errors.usage("moonherd.on: bad handler (function expected, got %s)", type(f))
end

local read_options = require "moonherd._options".reader("moonherd.on", {
  { "concurrent", "boolean|integer", default = false, least = 1 },
})

-- An event is handled in a task of its own: that keeps the trace of its error, and ends when what
-- the handler has spawned has ended.
local function handle(f, text)
  local handling = task.spawn(function () f(json.decode(text)) end)
  local ok, err = pcall(handling.wait, handling)
  if ok then return end
  if task.must_pass(err) then error(err, 0) end
  raw_errors.report(err)
end

local function handle_beside(receiver, f, text)
  local _ <close> = setmetatable({}, { __close = function ()
    receiver.running = receiver.running - 1
    receiver.freed:wake()
  end })
  handle(f, text)
end

local function start(receiver, text)
  if receiver.limit == 1 then return handle(receiver.f, text) end
  receiver.running = receiver.running + 1
  task.spawn(handle_beside, receiver, receiver.f, text)
  while receiver.running >= receiver.limit do receiver.freed:wait "handlers of an event" end
end

local function receive(name, receiver)
  local _ <close> = setmetatable({}, { __close = function () receivers[name] = nil end })
  while receiver.f do
    local text = core.take(name)
    if text then start(receiver, text) else core.wait(name) end
  end
end

local function encode(who, value)
  local text, err = raw_json.encode(value)
  if text then return text end
  err.message = err.message:gsub("^json%.encode", who)
  error(err, 0)
end

--- Handles the events that the host sends under a name; they keep the script alive until
--- `moonherd.off`. Those that were sent before wait for the first handler. A second handler of the
--- same name takes the place of the first. An error in a handler is reported to the host and ends
--- nothing else.
---@param name string  1 to 255 bytes
---@param f function  called with the value that was sent, in a task of its own: it may wait
---@param options? table
---@field options.concurrent? boolean|integer  true: events of this name are handled beside each
---  other, 1,000 at most at once; a number: so many at most; default false: one after the other, in
---  the order in which they were sent
---@error usage usage  when the name is empty or above 255 bytes, or the handler is no function
---@example
--- moonherd.on("save", function (file) print("saving " .. file.path) end)
--- moonherd.off "save"
function M.on(name, f, options)
  local concurrent = read_options(options).concurrent
  check_callable(f)
  local limit = concurrent == true and CONCURRENT or concurrent or 1
  core.wake(name) -- checks the name
  local receiver = receivers[name]
  if receiver then
    receiver.f, receiver.limit = f, limit
    return
  end
  receiver = { f = f, limit = limit, running = 0, freed = task.waitlist() }
  receivers[name] = receiver
  core.spawn(receive, name, receiver)
end

--- Handles events of a name no more. One that is being handled is handled to its end; those that
--- wait stay for the next handler. Without handlers the script ends when all else has ended.
---@param name string
---@return boolean was_on  whether there was a handler
---@error usage usage  when the name is empty or above 255 bytes
---@example
--- moonherd.on("tick", print)
--- print(moonherd.off "tick", moonherd.off "tick")
function M.off(name)
  core.wake(name, "moonherd.off")
  local receiver = receivers[name]
  local was_on = receiver ~= nil and receiver.f ~= nil
  if was_on then receiver.f = nil end
  return was_on
end

--- Sends an event to the host, which gets it before this returns. The command line ignores it.
---@param name string  1 to 255 bytes
---@param value? any  what `moonherd.json.encode` takes, up to 1 MiB as JSON; default null
---@error usage bad_value  when JSON cannot hold the value: a function, invalid UTF-8, NaN
---@error usage too_large  when it is over 1 MiB
---@example
--- moonherd.emit("deployed", { script = "acme", seconds = 0.4 })
function M.emit(name, value)
  if value == nil then value = json.null end
  core.emit(name, encode("moonherd.emit", value))
end

--- Keeps a value for the script that this program runs next, when it reloads this one: a copy, made
--- now. `moonherd.kept` gives it back. It is lost when the program ends.
---@param name string  1 to 255 bytes
---@param value any  what `moonherd.json.encode` takes, up to 1 MiB as JSON; nil: keep it no more
---@error usage bad_value  when JSON cannot hold the value
---@error usage too_large  when it is over 1 MiB, or with all else that is kept over 16 MiB
---@example
--- moonherd.keep("score", { blue = 3 })
--- print(moonherd.kept("score").blue)
function M.keep(name, value)
  core.keep(name, value ~= nil and encode("moonherd.keep", value) or nil)
end

--- What a script of this program has kept under a name.
---@param name string
---@return any value  a copy; nil when nothing is kept
---@error usage usage  when the name is empty or above 255 bytes
---@example
--- local score = moonherd.kept "score" or { blue = 0 }
function M.kept(name)
  local text = core.kept(name)
  return text and json.decode(text)
end

return M
