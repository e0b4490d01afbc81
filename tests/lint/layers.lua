-- Which file may use which: dependencies go one way, core <- io <- bindings <- lua.
-- The rules are the table below; the first entry whose pattern matches a file holds for it.

local source = require "tests.lint.source"
local uses = require "tests.lint.uses"

-- The part of the core that knows no Lua; io builds on it alone.
local plain = { "core/clock.h", "core/loop.h", "core/op.h", "core/buf.h", "core/mem.h",
  "core/log.h", "core/host.h", "core/embedded.h", "core/guard.h",
  "core/place.h", "core/timers.h", "core/trace.h" }

local lua_headers = { ["lua.h"] = true, ["lauxlib.h"] = true, ["lualib.h"] = true,
  ["lua-cjson.h"] = true, ["moonherd_lua.h"] = true, ["core/compat.h"] = true }

local function one_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return function (name) return set[name] end
end
local is_plain = one_of(plain)

-- own: includes in quotes that are allowed; system: those in angle brackets.
local rules = {
  { "^runtime/cli/",
    -- The other header is one of text alone: durations are read the same way everywhere.
    own = function (name)
      return name == "moonherd.h" or name == "core/duration.h" or name:find "^cli/"
    end,
    system = function (name) return not lua_headers[name] and not name:find "^uv" end },
  { "^runtime/moonherd[%w_]*%.h$", own = one_of { "moonherd.h" },
    system = function (name) return not name:find "^uv" end },
  { "^runtime/[%w_]+%.[ch]$", -- what assembles the rest
    own = function (name)
      return not name:find "/" or name:find "^core/" or name:find "^io/"
    end },
  { "^runtime/core/",
    own = function (name, path)
      if is_plain(path:gsub("^runtime/", ""):gsub("%.c$", ".h")) then
        return name == "moonherd.h" or is_plain(name)
      end
      return name:find "^moonherd" or name:find "^core/"
    end,
    system = function (name, path)
      return not (lua_headers[name] and is_plain(path:gsub("^runtime/", ""):gsub("%.c$", ".h")))
    end },
  { "^runtime/io/",
    own = function (name) return name == "moonherd.h" or is_plain(name) or name:find "^io/" end,
    system = function (name) return not lua_headers[name] end },
  { "^bindings/",
    own = function (name, path) -- a module in several files has headers of its name
      local module = path:match "^bindings/%l+"
      return name:match "^bindings/%l+" == module or name:find "^moonherd" or name:find "^core/"
        or name:find "^io/"
    end },
  { "^examples/embed/", own = one_of { "moonherd.h", "moonherd_lua.h" } },
  { "^tests/embed/",
    own = function (name) return name:find "^moonherd[%w_]*%.h$" or name:find "^tests/" end },
}

local function rule_for(path)
  for _, rule in ipairs(rules) do
    if path:find(rule[1]) then return rule end
  end
end

-- What is wrong with a line that includes `own`, or `system`; nil: nothing.
local function wrong_with(rule, path, own, system)
  if not rule then return "belongs to no layer" end
  local name, allows = own or system, own and rule.own or system and rule.system
  return allows and not allows(name, path) and "must not include " .. name or nil
end

for path in source.files("^runtime/.*%.[ch]$", "^bindings/.*%.[ch]$", "^examples/.*%.[ch]$",
  "^tests/embed/.*%.[ch]$") do
  local rule = rule_for(path)
  for number, line in source.lines(source.code(path, true)) do
    local own = line:match '^%s*#%s*include%s*"([^"]+)"'
    local system = line:match "^%s*#%s*include%s*<([^>]+)>"
    local wrong = (own or system) and wrong_with(rule, path, own, system)
    if wrong then source.report(path, number, "%s", wrong) end
  end
end

for path, line, used, name in uses.in_c() do
  local header = used:gsub("^runtime/", ""):gsub("%.c$", ".h")
  if name and wrong_with(rule_for(path), path, header) then
    source.report(path, line, "must not use %s of %s", name, used)
  end
end

-- Lua: what the folders of lua/moonherd may require of each other. All may require the modules
-- beside the folders, which are the library of scripts.
local folders = {
  cli = { "cloudflare", "docs", "fleet", "platform", "repl", "testing" },
  cloudflare = {},
  docs = {},
  fleet = { "cloudflare", "store" },
  library = { "docs", "store", "testing" },
  platform = { "store" },
  repl = { "docs" },
  store = {},
  testing = {},
  wrangler = {},
}
for folder, list in pairs(folders) do
  list[#list + 1] = folder
  list[#list + 1] = "library"
  folders[folder] = one_of(list)
end

-- The request budget is no part of the embedded platform, though it is kept in the same kind of
-- file: the processes of a user share it by SQLite, and all SQL stands in the store. The help on
-- the codes of the API is made of the client's own table of them.
local exceptions = {
  ["lua/moonherd/cloudflare/budget_book.lua"] = "moonherd.store.budget",
  ["lua/moonherd/docs/failures.lua"] = "moonherd.cloudflare.errors",
}

-- The folder of a module, or "library".
local function folder_of(module)
  local name = module:match "^moonherd%.(%w+)"
  return folders[name] and name or "library"
end

for path, line, name in uses.in_lua() do
  local allows = folders[path:match "^lua/moonherd/(.-)/" or "library"]
  if not allows then
    source.report(path, line, "belongs to no layer")
  elseif not allows(folder_of(name)) and exceptions[path] ~= name then
    source.report(path, line, "must not require %s", name)
  end
end

for path in source.files "^lua/.*%.lua$" do
  local code = source.code(path, true)
  local bare = source.code(path)
  for number, line in source.lines(code) do
    local sql = line:match "%f[%u](SELECT%s.*%sFROM)%s" or line:match "%f[%u](INSERT%s+INTO)%s"
      or line:match "%f[%u](UPDATE%s+%l%w*%s+SET)%s" or line:match "%f[%u](DELETE%s+FROM)%s"
      or line:match "%f[%u](CREATE%s+TABLE)%s" or line:match "%f[%u](PRAGMA)%s"
    if sql and not path:find "^lua/moonherd/store" then
      source.report(path, number, "SQL outside lua/moonherd/store: %s", sql)
    end
  end
  if path ~= "lua/moonherd/async.lua" then
    for number, line in source.lines(bare) do
      if line:find "%f[%w_]coroutine%." then
        source.report(path, number, "coroutine is for async.lua; call something that waits")
      end
    end
  end
end

source.finish()
