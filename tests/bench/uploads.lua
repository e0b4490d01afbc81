-- So many uploads of 10 MB at once, no two blocks of them alike:
--
--   moonherd --target URL uploads.lua COUNT
local moonherd = require "moonherd"

local MEGABYTE <const> = 1024 * 1024

local count = math.tointeger(arg[1])
local pieces = {}
for i = 1, 10 do pieces[i] = moonherd.hash.random(MEGABYTE) end
local bytes = table.concat(pieces)
local ns = moonherd.connect():ensure_namespace "uploads"

local function upload(i)
  ns:script("large-" .. i):upload {
    main_module = "worker.mjs",
    modules = {
      ["worker.mjs"] = "export default { fetch() { return new Response() } }",
      ["data.bin"] = bytes:sub(i + 1) .. bytes:sub(1, i),
    },
    compatibility_date = "2026-10-01",
  }
end

local numbers = {}
for i = 1, count do numbers[i] = i end
moonherd.map(numbers, { concurrency = count }, upload)
