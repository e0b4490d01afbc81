-- 15_arguments.lua: a script with options, --help, and a question before anything is deleted.
--   moonherd run --target local examples/15_arguments.lua --plan free --jobs 4 acme globex
local moonherd = require "moonherd"

local opts = moonherd.args {
  about = "Deploys tenants, and takes those away that have left.",
  { "tenant", many = true, optional = true, help = "names; default: all of them" },
  { "--plan", one_of = { "free", "pro" }, default = "free", help = "what they pay for" },
  { "--jobs", "-j", type = "integer", default = 8, help = "deployments at once" },
  { "--limit", type = "duration", default = "2m", help = "for all of it" },
  { "--keep", "-k", type = "boolean", help = "delete nothing" },
}

local tenants = #opts.tenant > 0 and opts.tenant or { "acme", "globex", "initech" }
local ns = moonherd.connect():ensure_namespace "tenants"

moonherd.timeout(opts.limit, function ()
  moonherd.each(tenants, { concurrency = opts.jobs }, function (name)
    ns:script(name):upload {
      modules = { ["worker.mjs"] = "export default { fetch() { return new Response('ok') } }" },
      compatibility_date = "2026-10-01", tags = { "plan:" .. opts.plan },
    }
  end)
end)
print(#tenants .. " deployed", opts.plan, opts.jobs, opts.keep)

-- Without a terminal the default is the answer; without a default it would be an error.
local question = "Delete what has left?"
if not opts.keep and moonherd.prompt.confirm(question, { default = true }) then
  local report = ns:delete_scripts { tags = { ["plan:gone"] = true } }
  print(report.count .. " deleted")
end
