std = "lua54"
max_line_length = 100
cache = "build/luacheck"
files["tests/spec"] = { std = "+busted" }
-- What plain Lua allows is what they are about.
files["tests/semantics"] = { ignore = { "." } }
