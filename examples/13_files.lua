-- 13_files.lua: files found by patterns, a temporary folder, and a deployment for every change.
--   moonherd run --target local examples/13_files.lua
local moonherd = require "moonherd"
local fs = moonherd.fs
local ns = moonherd.connect():ensure_namespace "watched"

-- It is gone when the script ends, however it ends.
local project <close> = fs.temp_dir { prefix = "shop-" }
local function write(name, reply)
  local path = fs.join(project.path, name)
  fs.mkdir(fs.dirname(path), nil, true)
  fs.write(path, ("export default { fetch() { return new Response('%s') } }"):format(reply))
end

local function deploy()
  for _, path in ipairs(fs.glob("workers/**/*.{mjs,js}", { dir = project.path })) do
    local name = fs.basename(fs.dirname(path))
    ns:script(name):upload { file = path, compatibility_date = "2026-10-01" }
    print(name, ns:script(name):content().modules["index.mjs"].content:match "'(.*)'")
  end
end

write("workers/shop/index.mjs", "closed")
write("workers/blog/index.mjs", "no posts")
deploy()

-- To go on and on: for paths in changes do … end
local changes <close> = fs.watch(project.path, { debounce = "20ms" })
write("workers/shop/index.mjs", "open")
local paths = changes()
print("changed", fs.relative(paths[#paths], project.path))
deploy()
