-- Runs every ---@example of the doc comments: doc_examples.lua TOP, in a folder it may write to.
-- Prints TAP lines, and the sum as the last one.
--
-- What stands behind --> in an example is what that line prints. An example sees `moonherd`, its
-- own module under its own name, and what PRELUDE provides for its file.
--
-- What is not documented as waiting is called where no call can wait, so that one that does fails.
local moonherd = require "moonherd"
local comments = require "moonherd.docs.comments"
local index = require "moonherd.docs.index"
local top = arg[1]
package.path = top .. "/?.lua;" .. package.path

local CLIENT = [[
local client = moonherd.connect { target = "local" }
local ns = client:ensure_namespace "examples"
local script = ns:script "example"
script:upload { script = "addEventListener('fetch', () => {})", compatibility_date = "2026-10-01" }
]]

-- A server of an example answers one request.
local SERVE_ONE = [[
local moonherd = setmetatable({ serve = function (options)
  options.port = 0
  options.on_listen = function (server)
    moonherd.spawn(function ()
      local url = ("http://127.0.0.1:%d/x"):format(server.port)
      local answer = moonherd.http.request { method = "POST", url = url, body = "hello" }
      assert(answer.status == 200 and #answer.body > 0)
      server:close()
    end)
  end
  moonherd.serve(options)
end }, { __index = moonherd })
]]

local PRELUDE = {
  ["lua/moonherd/serve.lua"] = SERVE_ONE,
  ["lua/moonherd/cloudflare/"] = CLIENT,
  ["lua/moonherd/http.lua"] = [[
local server <close> = require "moonherd.serve".listen { port = 0 }
local url = ("http://127.0.0.1:%d/"):format(server.port)
moonherd.spawn(function ()
  for request in function () return server:accept() end do
    request:respond(200, { ["content-type"] = "text/plain" }, "hello")
  end
end)
]],
  ["lua/moonherd/test.lua"] = [[
local place = require "moonherd.testing.place"
moonherd.fs.write("deploy.lua", "return true")
place.enter "./deploy_spec.lua"
local _ <close> = setmetatable({}, { __close = place.leave })
]],
  ["lua/moonherd/store/"] = [[
local bytes = "\0\1"
local db <close> = store.open("examples.db", { migrations = { "CREATE TABLE file(name, content);"
  .. "CREATE TABLE user(id, name, age); CREATE TABLE account(id, sum)" } })
]],
}

local function read(path)
  local file <close> = assert(io.open(top .. "/" .. path))
  return file:read "a"
end

-- The examples of one file: a list of { lines, where }; `where` is what the comment stands above.
local function examples_of(path)
  local source = comments.read(read(path), path:find "%.c$" and "///" or nil)
  local list, seen = {}, {}
  local function take(block)
    if not block or seen[block] then return end
    seen[block] = true
    for _, lines in ipairs(block.examples) do
      list[#list + 1] = { lines = lines, where = path .. ":" .. block.line }
    end
  end
  for _, found in ipairs(source.functions) do take(found.block) end
  for _, block in ipairs(source.named) do take(block) end
  return list
end

local function prelude_of(path)
  local module = path:gsub("^lua/", ""):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", ".")
  local own = path:find "^lua/" and module ~= "moonherd"
    and ("local %s = require %q; "):format(module:match "[%w_]+$", module) or ""
  for prefix, code in pairs(PRELUDE) do
    if path:find(prefix, 1, true) == 1 then own = own .. code end
  end
  return 'local moonherd = require "moonherd"; ' .. own .. "do "
end

-- What the lines of an example say they print.
local function promised(lines)
  local outputs = {}
  for _, line in ipairs(lines) do outputs[#outputs + 1] = line:match "%-%-> ?(.*)$" end
  return outputs
end

-- ---- what must not wait ------------------------------------------------------------------------

-- Called by string.gsub, within which a wait is refused.
local function without_waiting(f)
  return function (...)
    local arguments, results = table.pack(...), nil
    string.gsub("x", "x", function ()
      results = table.pack(f(table.unpack(arguments, 1, arguments.n)))
    end)
    return table.unpack(results, 1, results.n)
  end
end

-- Where the methods of each class are: class -> table.
local function method_tables()
  local tables = {
    server = require "moonherd._serve".Server, request = require "moonherd._serve".Request,
  }
  local client = moonherd.connect { target = "local" }
  require "tests.spec.support.handles".each(client, function (name, object)
    local class = debug.getmetatable(object)
    if class and not tables[name] then
      tables[name] = type(class.__index) == "table" and class.__index or class
    end
  end)
  return tables
end

-- The table that a public name is in, and its name there.
local function place_of(name, methods)
  local class, method = name:match "^([%w_]+):([%w_]+)$"
  if class then return methods[class], method end
  local place = { moonherd = moonherd }
  local path, last = name:match "^(.*)%.([%w_]+)$"
  for part in (path or ""):gmatch "[%w_]+" do place = type(place) == "table" and place[part] end
  return type(place) == "table" and place, last
end

local guarded, methods = 0, method_tables()
for entry in index.each() do
  if entry.kind == "function" and not entry.block.is_async then
    local place, name = place_of(entry.name, methods)
    if place and name and type(place[name]) == "function" then
      place[name], guarded = without_waiting(place[name]), guarded + 1
    end
  end
end
assert(guarded > 60, guarded)

-- ---- running -----------------------------------------------------------------------------------

-- What examples of the HTTP client talk to, wherever it listens.
local port
local server = moonherd.spawn(moonherd.serve, {
  port = 0,
  handler = function (request) request:respond(200, {}, "hello") end,
  on_listen = function (listening) port = listening.port end,
})
while not port do moonherd.sleep "1ms" end

local function run(example, prelude)
  local printed = {}
  local environment = setmetatable({
    print = function (...)
      local words = table.pack(...)
      for i = 1, words.n do words[i] = tostring(words[i]) end
      printed[#printed + 1] = table.concat(words, " ")
    end,
  }, { __index = _G })
  local code = prelude .. table.concat(example.lines, "\n") .. "\nend"
  code = code:gsub("127%.0%.0%.1:8787", "127.0.0.1:" .. port)
  local chunk = assert(load(code, "=" .. example.where, "t", environment))
  moonherd.timeout("20s", moonherd.scope, chunk)
  local at = 1
  for _, output in ipairs(promised(example.lines)) do
    while printed[at] and printed[at] ~= output do at = at + 1 end
    if not printed[at] then
      error(("prints %s, not %s"):format(table.concat(printed, " | "), output), 0)
    end
    at = at + 1
  end
end

local passed, failed = 0, 0
local pipe <close> = assert(io.popen(
  ("cd %q && find lua bindings -name '*.lua' -o -name '*.c' | sort"):format(top)))
for path in pipe:lines() do
  for _, example in ipairs(examples_of(path)) do
    local ok, err = pcall(run, example, prelude_of(path))
    passed, failed = passed + (ok and 1 or 0), failed + (ok and 0 or 1)
    print(("%s %d - %s"):format(ok and "ok" or "not ok", passed + failed, example.where))
    if not ok then print("# " .. tostring(err)) end
  end
end
server:cancel()
print(("%d passed, %d failed"):format(passed, failed))
return failed == 0 and 0 or 1
