-- 1_hello.lua: a namespace, a Worker in it, and its code read back.
--   moonherd run --target local examples/1_hello.lua
local moonherd = require "moonherd"
local ns = moonherd.connect():ensure_namespace "hello"

local result = ns:script "greeter":upload {
  modules = { ["greeter.mjs"] = "export default { fetch() { return new Response('Hello!') } }" },
  compatibility_date = "2026-10-01",
}
print(("%s starts with %s; requests: %d"):format(result.id, result.entry_point, result.requests))

for script, info in ns:scripts() do
  print(script.name, table.concat(info.script.handlers, " "))
end

local content = ns:script "greeter":content()
print(content.modules[content.main_module].content)
