-- moonherd.env: settings from the environment, with types, and from .env files. What such a file
-- sets is seen here and by moonherd.sh; the environment of the process, which is the host's,
-- stays as it is, and os.getenv shows that. The option --env-file of the command line reads the
-- same files by the same rules, but into the environment itself, before anything runs.
local errors = require "moonherd.error"
local options = require "moonherd._options"
local process = require "moonherd._proc"
local secret = require "moonherd.secret"
local words = require "moonherd._words"

local M = {}

local loaded = {} -- from files

-- ---- types -------------------------------------------------------------------------------------

local TRUE = { ["1"] = true, ["true"] = true, yes = true, on = true }
local FALSE = { ["0"] = true, ["false"] = true, no = true, off = true }

-- Each gives the value, or nil.
local READ = {
  string = function (text) return text end,
  number = function (text) return tonumber(text) end,
  integer = function (text) return math.tointeger(tonumber(text)) end,
  duration = function (text) return words.seconds(text) end,
  secret = function (text) return secret.new(text) end,
  boolean = function (text)
    text = text:lower()
    if TRUE[text] then return true end
    if FALSE[text] then return false end
  end,
  list = function (text)
    local list = {}
    for item in text:gmatch "[^,]+" do
      list[#list + 1] = item:match("^.*%S", item:match "^%s*()")
    end
    return list
  end,
}

local EXPECTED = {
  number = "a number", integer = "an integer", boolean = "true or false",
  duration = 'seconds or text like "250ms", "5s", "1h30m"',
}

-- ---- looking up --------------------------------------------------------------------------------

local read_options = options.reader("env.get", {
  { "type", "string", default = "string",
    one_of = { "string", "number", "integer", "boolean", "duration", "list", "secret" } },
  { "default", "any" },
  { "required", "boolean" },
})

local function check_name(who, name)
  if type(name) ~= "string" or name == "" then
    errors.usage("%s: bad name (string expected, got %s)", who,
      name == "" and "an empty one" or type(name))
  end
end

--- A setting from the environment, or from a file that env.load has read. A variable that is empty
--- counts as not set.
---@param name string
---@param opts? table
---@field opts.type? string  "string" (the default), "number", "integer", "boolean" (true, yes, on,
--- 1; false, no, off, 0), "duration" (becomes seconds), "list" (of texts between commas), "secret"
---@field opts.default? any  what it is when it is not set, as it stands
---@field opts.required? boolean  raises when it is not set
---@return any value  nil when it is not set and has no default
---@error usage env_missing  when it is required and not set
---@error usage bad_env  when it is not of that type; the value is not shown
---@example
--- print(moonherd.env.get("NO_SUCH_PORT", { type = "integer", default = 8080 }))     --> 8080
function M.get(name, opts)
  check_name("env.get", name)
  opts = read_options(opts)
  local text = process.variable(name)
  if not text or text == "" or loaded[name] and loaded[name].overrides then
    text = loaded[name] and loaded[name].value or text
  end
  if text and text ~= "" then
    local value = READ[opts.type](text)
    if value ~= nil then return value end
    errors.raise {
      kind = "usage", reason = "bad_env",
      message = ("env.get: %s is not %s"):format(name, EXPECTED[opts.type]),
    }
  end
  if opts.default ~= nil or not opts.required then return opts.default end
  errors.raise {
    kind = "usage", reason = "env_missing", message = ("env.get: %s is not set"):format(name),
    hint = ("export %s=…, or put it into a .env file that is loaded"):format(name),
  }
end

--- All variables: those of the process and those of loaded files.
---@return table<string, string> values  by name; changing it changes nothing else
---@error none
---@example
--- print(type(moonherd.env.all().PATH))     --> string
function M.all()
  local values = process.environ()
  for name, entry in pairs(loaded) do
    if entry.overrides or values[name] == nil or values[name] == "" then
      values[name] = entry.value
    end
  end
  return values
end

-- ---- files -------------------------------------------------------------------------------------

--- Reads the text of a .env file: NAME=value lines, `export` in front; a # begins a comment where
--- a line begins or behind a space, so that `A=x#y` is all value. Values in single quotes or
--- backticks are as they stand, double quotes know \n, \t, \r, \", \\ and \$; all three may go over
--- several lines. The last of equal names counts. $NAME stays as it is. A line that is none of this
--- is an error.
---@param text string
---@return table<string, string> values
---@error usage bad_env  with the line; what stands there is not shown
---@example
--- print(moonherd.env.parse("export NAME='a b' # a comment\n").NAME)     --> a b
function M.parse(text)
  if type(text) ~= "string" then
    errors.usage("env.parse: bad text (string expected, got %s)", type(text))
  end
  return require "moonherd._dotenv".parse(text, "env.parse")
end

local load_options = options.reader("env.load", {
  { "override", "boolean" },
  { "optional", "boolean" },
})

--- Loads a .env file. What the environment has set already, and not to nothing, stays; of several
--- files the last one counts. A client sees such values when `--env-file` reads the file instead.
---@async
---@param path? string  relative to the script's folder; default ".env"
---@param opts? table
---@field opts.override? boolean  the file's values come before those of the environment;
---  default false
---@field opts.optional? boolean  it is fine when there is no such file; default false
---@return table<string, string> values  what the file says
---@error io not_found  when there is no such file
---@error usage bad_env  with the line; what stands there is not shown
---@example
--- moonherd.write("test.env", "GREETING=hello\n")
--- moonherd.env.load "test.env"
--- print(moonherd.env.get "GREETING")     --> hello
function M.load(path, opts)
  path = path == nil and ".env" or path
  check_name("env.load", path)
  if path:find("\0", 1, true) then errors.usage "env.load: bad path (it has a zero byte)" end
  opts = load_options(opts)
  local text, err = require "moonherd.async".try(require "moonherd._script".read, path)
  if not text then
    if opts.optional and err.reason == "not_found" then return {} end
    error(err, 0)
  end
  local values = require "moonherd._dotenv".parse(text, path)
  for name, value in pairs(values) do
    loaded[name] = { value = value, overrides = opts.override }
  end
  return values
end

return M
