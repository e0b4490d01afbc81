-- 22_prompt.lua: asks a person before it deletes; in a pipeline the defaults answer, and nothing
-- hangs.
--   moonherd run --target local examples/22_prompt.lua
local moonherd = require "moonherd"
local prompt = moonherd.prompt
local ns = moonherd.connect():ensure_namespace "trials"

for _, name in ipairs { "acme-trial", "globex-trial", "initech" } do
  ns:script(name):upload {
    modules = { ["worker.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
    tags = { name:find "trial" and "plan:trial" or "plan:pro" },
  }
end

-- A number, a name, or the beginning of a name.
local plan = prompt.choose("Which plan goes?", { "trial", "pro" }, { default = "trial" })
local filter = { "plan:" .. plan }
local found = ns:delete_scripts { tags = filter, dry_run = true }

-- Whoever is not asked has not agreed: the default is no.
local question = ("Delete %d scripts (%s)?"):format(found.count, table.concat(found.names, ", "))
if prompt.confirm(question, { default = false }) then
  print("deleted " .. ns:delete_scripts({ tags = filter, expect = found.count }).count)
else
  print("kept " .. found.count)
end

-- What is typed is not shown, and logs and errors hide it from then on.
local key = prompt.secret("The new key?", { default = "hunter2-hunter2" })
ns:script("initech"):put_secret("API_KEY", key)
print(key, ns:script("initech"):secrets()[1].name)

-- Without a default there is nobody to answer.
local _, err = moonherd.try(prompt.text, "Your name?")
print(err.reason, err.hint)
