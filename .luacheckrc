std = "lua54"
max_line_length = 100
cache = "build/luacheck"
files["tests/spec"] = { std = "+busted" }
