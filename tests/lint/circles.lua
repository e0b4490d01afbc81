-- No two files of C, and no two modules of Lua, use each other, nor do they by way of others. Who
-- must reach up is given a function to call, or a table of them.

local graph = require "tests.lint.graph"
local source = require "tests.lint.source"
local uses = require "tests.lint.uses"

local files = graph.new()
for path, line, used, name in uses.in_c() do
  graph.add(files, path, used, { path = path, line = line, name = name or used })
end
for path, line, name in uses.in_lua() do
  graph.add(files, uses.module(path), name, { path = path, line = line, name = name })
end

for from, to, why in graph.circular(files) do
  source.report(why.path, why.line, "in a circle: %s uses %s, by %s", from, to, why.name)
end

source.finish()
