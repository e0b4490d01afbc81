std = "lua54"
max_line_length = 100
cache = "build/luacheck"
files["tests/spec"] = { std = "+busted" }
files["examples/testing"] = { std = "+busted" }
-- What plain Lua allows is what they are about.
files["tests/semantics"] = { ignore = { "." } }
