-- LUA_INIT: what plain Lua runs before a script, with the same globals: code, or @FILE. The
-- executable runs this when the variable is set (runtime/cli/lua_init.c).

-- The first that is set counts.
local NAMES = { "LUA_INIT_5_4", "LUA_INIT" }

-- Its chunk; nil where the guard hides the variables.
local function load_of(name)
  local text = os.getenv(name)
  if not text then return nil end
  local chunk, why
  if text:sub(1, 1) == "@" then
    chunk, why = loadfile(text:sub(2))
  else
    chunk, why = load(text, "=" .. name)
  end
  return chunk or error(why, 0)
end

for _, name in ipairs(NAMES) do
  local chunk = load_of(name)
  if chunk then
    chunk()
    break
  end
end

return math.mininteger -- that it has come to its end: os.exit gives other codes
