-- Throws wrong arguments at every public function and method, in a process of its own and in a
-- folder that goes: what a function makes of "\0" or {} may be a file, a line of the log, a crash.
--   moonherd run wrong_arguments.lua MODULE | CLASS
-- Prints a line for each answer that no person should get. The functions are those of the
-- documentation, so that a new one is taken without being named here.
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local index = require "moonherd.docs.index"
local moonherd = require "moonherd"

local SLOW <const> = 2 -- seconds: nothing here has so much to do
local LIMIT <const> = 0.05 -- seconds: what waits for something, as it should, is not waited for

-- ---- what is thrown ----------------------------------------------------------------------------

local function nothing() end

local SPEECHLESS = setmetatable({}, { __tostring = function () error "speechless" end })

local WRONG = {
  { "nil", nil }, { "true", true }, { "-1", -1 }, { "0", 0 }, { "1.5", 1.5 }, { "NaN", 0 / 0 },
  { "inf", 1 / 0 }, { "maxinteger", math.maxinteger }, { "mininteger", math.mininteger },
  { "''", "" }, { "a zero byte", "\0bad" }, { "5000 bytes", ("y"):rep(5000) },
  { "no UTF-8", "/dev/null/\xff" }, { "{}", {} }, { "a list with a hole", { 1, nil, 3 } },
  { "a misspelt option", { tiemout = 1 } }, { "a list of tables", { {} } },
  { "null", moonherd.null }, { "a function", nothing },
  { "a coroutine", coroutine.create(nothing) }, { "what has no name", SPEECHLESS },
}

-- What stands before the argument that is wrong has to be right. By its name, else by its type.
local dir = fs.temp_dir { dir = "." }
local path = fs.absolute(fs.join(dir.path, "file"))
fs.write(path, "[]")

local RIGHT = {
  path = path, dir = dir.path, pattern = dir.path .. "/*", url = "http://127.0.0.1:1/",
  sql = "SELECT 1", ns = moonherd.connect { target = "local" }:ensure_namespace "wrong",
}
local BY_TYPE = {
  { "^fun", nothing }, { "string%[%]", { "true" } }, { "string", "name" }, { "integer", 1 },
  { "number", 1 }, { "duration", 0 }, { "boolean", true }, { "table", {} },
}

local function right_for(param)
  if RIGHT[param.name] then return RIGHT[param.name] end
  for _, case in ipairs(BY_TYPE) do
    if param.type:find(case[1]) then return case[2] end
  end
end

-- ---- what is expected --------------------------------------------------------------------------

-- What only somebody who knows the inside understands.
local INNER = {
  "attempt to", "bad argument #", "'%?'", "moonherd%._", "%.lua:%d", "%(local '", "^%[",
  "0x%x%x%x%x", "speechless",
}

-- Names that people use for what has another one in the documentation.
local SHORT = { database = "db", transaction = "tx" }

local function find(name)
  for entry in index.each() do
    if entry.name == name then return entry end
  end
end

-- The kinds of errors that the documentation of a function tells of.
local function kinds_of(entry, kinds)
  kinds = kinds or { usage = true, timeout = true }
  for _, err in ipairs(entry.block.errors) do
    if err.kind == "as" then kinds_of(find(err.name), kinds) else kinds[err.kind] = true end
  end
  return kinds
end

local function names_of(entry)
  local short = entry.name:gsub("^moonherd%.", "")
  local class, method = short:match "^(.*):(.*)$"
  return short, class and ("%s:%s"):format(SHORT[class] or class, method) or short
end

local function complaint_about(entry, err)
  if not errors.is(err) then return "no error object: " .. tostring(err) end
  local text = err.message
  if not kinds_of(entry)[err.kind] then return ("kind %s: %s"):format(err.kind, text) end
  if err.kind == "timeout" then return nil end
  for _, pattern in ipairs(INNER) do
    if text:find(pattern) then return "inner words: " .. text end
  end
  local name, short_name = names_of(entry)
  local is_named = text:find(name, 1, true) or text:find(short_name, 1, true)
  if is_named or err.reason ~= "usage" then return nil end
  return "another name: " .. text
end

-- ---- throwing ----------------------------------------------------------------------------------

-- What a call that succeeds has opened.
local function close(value)
  local meta = type(value) == "table" and getmetatable(value)
  if meta and rawget(meta, "__close") then pcall(meta.__close, value) end
end

local function throw(entry, what, f, arguments, count)
  local started, ok, result = moonherd.time.now(), nil, nil
  local _, late = moonherd.try(moonherd.timeout, LIMIT, function ()
    ok, result = pcall(f, table.unpack(arguments, 1, count))
  end)
  local complaint
  if ok == false then complaint = complaint_about(entry, result) end
  if ok == nil and late.kind ~= "timeout" then complaint = complaint_about(entry, late) end
  if moonherd.time.now() - started > SLOW then complaint = "it took long" end
  if ok then close(result) end
  if complaint then
    print(("%s, %s: %s"):format(entry.name, what, complaint:sub(1, 200)))
  end
end

-- `before`: how many of the arguments are right.
local function throw_all(entry, what, f, arguments, before)
  throw(entry, what .. " left out", f, arguments, before)
  for _, wrong in ipairs(WRONG) do
    local list = table.move(arguments, 1, before, 1, {})
    list[before + 1] = wrong[2]
    throw(entry, ("%s is %s"):format(what, wrong[1]), f, list, before + 1)
  end
end

local function throw_at_options(entry, param, f, arguments, before)
  for _, field in ipairs(entry.block.fields) do
    local owner, option = field.name:match "^([%w_]+)%.([%w_]+)$"
    for _, wrong in ipairs(owner == param.name and WRONG or {}) do
      local list = table.move(arguments, 1, before, 1, {})
      list[before + 1] = { [option] = wrong[2] }
      throw(entry, ("%s is %s"):format(field.name, wrong[1]), f, list, before + 1)
    end
  end
end

local function throw_at(entry, f, object)
  local arguments, before = { object }, object ~= nil and 1 or 0
  if object ~= nil then throw_all(entry, "the object", f, {}, 0) end
  for _, param in ipairs(entry.block.params) do
    if not param.name:find "%w[.%[]" then
      throw_all(entry, param.name, f, arguments, before)
      throw_at_options(entry, param, f, arguments, before)
      before = before + 1
      arguments[before] = right_for(param)
    end
  end
end

-- ---- the functions -----------------------------------------------------------------------------

-- Why some are left out.
local EXEMPT = {
  ["os.exit"] = "ends the script", ["print"] = "takes anything", ["require"] = "as Lua has it",
  ["moonherd.args"] = "ends the script where words are wrong; args_spec has a table of its own",
  ["moonherd.test.virtual_clock"] = "the limits of this file are those of the real clock",
}

local function value_of(name)
  local module, member = name:match "^(.*)%.([%w_]+)$"
  if module == "moonherd" then return moonherd[member] end
  return require(module)[member]
end

local function throw_at_functions(module)
  for entry in index.each() do
    local is_its = entry.kind == "function" and entry.name:match "^(.*)%.[%w_]+$" == module
    if is_its and not EXEMPT[entry.name] then throw_at(entry, value_of(entry.name)) end
  end
end

-- Methods after which there is nothing left to call: they come last, and all others once more.
local LAST = { close = 1, finish = 1, abort = 2, reset = 2, delete = 1, remove = 1 }

local function methods_of(class)
  local methods = {}
  for i, entry in ipairs(find(class).members) do
    local name = entry.name:match "[%w_]+$"
    methods[i] = { name = name, entry = entry, rank = (LAST[name] or 0) * 1000 + i }
  end
  table.sort(methods, function (a, b) return a.rank < b.rank end)
  return methods
end

local function throw_at_methods(class)
  local found = false
  local methods = methods_of(class)
  local has_end = methods[#methods].rank > 1000
  local client = moonherd.connect { target = "local" }
  pcall(require "tests.spec.support.handles".each, client, function (name, object)
    if found or name ~= class then return end
    found = true
    for _ = 1, has_end and 2 or 1 do -- the second time on what is closed
      for _, method in ipairs(methods) do
        throw_at(method.entry, object[method.name], object)
      end
    end
    error "that was all"
  end)
  if not found then print(class .. ": none was made") end
end

if arg[1]:find "^moonherd" then throw_at_functions(arg[1]) else throw_at_methods(arg[1]) end
os.exit(0) -- a handler of an event would keep it alive
