-- Whether we know what becomes of every member of wrangler's configuration: wrangler_schema.lua
-- SCHEMA, the file that wrangler comes with.
local members = require "tests.spec.support.wrangler_members"
local moonherd = require "moonherd"

local schema = moonherd.read_json(arg[1])
local is_good = true
for name in pairs(schema.definitions.RawConfig.properties) do
  if not members[name] then
    print(("%s is new"):format(name))
    is_good = false
  end
end
return is_good
