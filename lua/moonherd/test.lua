-- What spec files have besides busted, when `moonherd test` runs them: faults and the request log
-- of their embedded platform, a clock that does not wait, and scripts run from within a test.
local clock = require "moonherd._clock"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local host = require "moonherd._host"
local json = require "moonherd.json"
local link = require "moonherd._platform"
local paths = require "moonherd._paths"
local place = require "moonherd.testing.place"
local safety_words = require "moonherd._safety_words"
local source = require "moonherd._source"

local M = {}

local have_faults = false

local function check_place(who)
  if place.is_inside() then return end
  errors.usage("moonherd.test.%s: only for spec files that `moonherd test` runs", who)
end

-- ---- the platform ------------------------------------------------------------------------------

-- One request to a control route of the platform that the file has.
local function control(who, method, path, body)
  local socket, token = link.socket(host.options.state)
  if not socket then error(token, 0) end
  local response = require "moonherd.http".request {
    method = method, url = "http://localhost/moonherd/" .. path, unix_socket = socket, body = body,
    headers = { authorization = "Bearer " .. token, ["content-type"] = "application/json" },
  }
  local envelope = json.decode(response.body, { nulls = false })
  if envelope.success then return envelope.result end
  local entry = envelope.errors[1]
  local pointer = entry.source and entry.source.pointer or ""
  return errors.usage("moonherd.test.%s: %s%s", who, entry.message,
    pointer ~= "" and (" (at %s)"):format(pointer) or "")
end

--- Has requests to the embedded platform fail, as they do out there. Holds until the test ends; for
--- every test of a block, call it in `before_each`. A second call replaces the first.
---@async
---@param rules table[]  as `moonherd serve --faults` takes them: each has `fault` (rate_limited,
---  bad_gateway, gateway_timeout, applied_error, reset, stall, lag, expired_token,
---  no_completion_token) and may have `method`, `path` (its end, `*` stands for a name), `script`,
---  `rate`, `count`, `skip`, and the fields of that fault
---@param opts? table
---@field opts.seed? integer  the same seed and requests give the same faults; default 1
---@field opts.limit? table  enforce the request allowance: quota, window, block; default
---  it is not enforced
---@error usage usage  for a rule that is wrong, with the place in it
---@example
--- local test = require "moonherd.test"
--- test.faults { { fault = "rate_limited", method = "PUT", count = 2, retry_after = 1 } }
function M.faults(rules, opts)
  check_place "faults"
  if type(rules) ~= "table" then
    errors.usage("moonherd.test.faults: bad rules (list expected, got %s)", type(rules))
  end
  opts = opts or {}
  control("faults", "PUT", "faults",
    json.encode { faults = json.array(rules), seed = opts.seed, limit = opts.limit })
  have_faults = true
end

--- What the embedded platform has been asked, oldest first.
---@async
---@param method? string  requests of this method alone; default all
---@return table[] requests  each with method, target, status, fault and more
---@error usage usage  outside of `moonherd test`
---@example
--- local test = require "moonherd.test"
--- assert(#test.requests "DELETE" == 0)
function M.requests(method)
  check_place "requests"
  return control("requests", "GET", "requests" .. (method and "?method=" .. method or ""))
end

-- Behind every test.
function M._reset()
  if not have_faults then return end
  have_faults = false
  control("faults", "DELETE", "faults")
end

-- ---- time --------------------------------------------------------------------------------------

--- From here to the end of the spec file waits take no time: the clock jumps to what is due next
--- when nothing else can happen. `moonherd test --clock virtual` has it for all files.
---@error usage usage  outside of `moonherd test`
---@example
--- require "moonherd.test".virtual_clock()
function M.virtual_clock()
  check_place "virtual_clock"
  clock.set_virtual(true)
end

-- ---- scripts -----------------------------------------------------------------------------------

local function code_of(value)
  if type(value) == "boolean" then return value and 0 or 1 end
  return math.type(value) == "integer" and value or 0
end

-- Globals of its own, over ours; what it prints goes into `pieces`, os.exit raises `exit`.
local function environment(path, arguments, pieces, exit)
  local function write(...)
    for i = 1, select("#", ...) do pieces[#pieces + 1] = tostring((select(i, ...))) end
  end
  local env = { arg = { [0] = path, table.unpack(arguments, 1, arguments.n) } }
  function env.print(...)
    for i = 1, select("#", ...) do write(i > 1 and "\t" or "", (select(i, ...))) end
    write "\n"
  end
  env.io = setmetatable({ write = function (...)
    write(...)
    return io.stdout
  end }, { __index = io })
  env.os = setmetatable({ exit = function (code)
    exit.code = code == nil and 0 or code_of(code)
    error(exit, 0)
  end }, { __index = os })
  env._G = env
  return setmetatable(env, { __index = _G })
end

local function load_script(path, env)
  local chunk, why = source.load(path, env)
  return chunk or errors.raise { kind = "script", reason = "syntax", message = why }
end

-- Where a script finds its files and modules, as when it is run.
local function enter_folder(path)
  local script_dir, search = host.options.script_dir, package.path
  local folder = fs.dirname(path)
  host.options.script_dir = folder
  package.path = fs.join(folder, "?.lua") .. ";" .. search
  return setmetatable({}, { __close = function ()
    host.options.script_dir, package.path = script_dir, search
  end })
end

--- Runs a script as `moonherd run` does, against the embedded platform of the spec file: with
--- globals and `arg` of its own, its files beside it. Modules it loads are kept until the file
--- ends.
---@async
---@param path string  relative to the folder of the spec file
---@param ... string  its arguments; --dry-run and --read-only hold
---@return table result
---@field result.code integer  the exit code
---@field result.output string  what it printed by print and io.write
---@error script syntax  when it cannot be compiled; whatever it raises is raised
---@example
--- local test = require "moonherd.test"
--- assert(test.run("deploy.lua", "production").code == 0)
function M.run(path, ...)
  check_place "run"
  local full = paths.resolve(path)
  local pieces, exit = {}, {}
  local chunk = load_script(full, environment(full, table.pack(...), pieces, exit))
  local _ <close> = enter_folder(full)
  local _ <close> = safety_words.hold { ... }
  local ok, result = pcall(chunk, ...)
  if not ok and result ~= exit then error(result, 0) end
  return { code = exit.code or code_of(result), output = table.concat(pieces) }
end

return M
