-- Details of a script, and its end: contract §6.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"
local shapes = require "tests.conformance.shapes"

local NONE = json.array {}

local details = {
  operation = "GET SCR",
  {
    name = "the script, and the namespace it is in",
    source = "§6.1",
    needs = { script = { tags = { "a" }, compatibility_date = "2026-01-01" } },
    requests.get("SCR", {
      id = "{script}", dispatch_namespace = "{ns}", created_on = match.time,
      modified_on = match.time,
      script = match.all(shapes.script, {
        id = "{script}", tags = { "a" }, compatibility_date = "2026-01-01",
        has_assets = false, has_modules = true,
        startup_time_ms = match.absent, deployment_id = match.absent, entry_point = match.absent,
        exports_reconciliation = match.absent,
      }),
    }),
  },
  {
    name = "settings as they were stored",
    source = "§5.6, §6.1",
    needs = { script = { logpush = true, observability = { enabled = true },
      placement = { region = "aws:us-east-1" }, cache_options = { enabled = true },
      tail_consumers = { { service = "tail" } }, usage_model = "unbound" } },
    requests.get("SCR", { script = { logpush = true, observability = { enabled = true },
      placement = { region = "aws:us-east-1" }, cache_options = { enabled = true },
      tail_consumers = { { service = "tail" } }, usage_model = "unbound" } }),
  },
  {
    name = "a script that is missing has a code of its own",
    source = "§6.1",
    { "GET SCR", expect = { code = 10092,
      errors = { { message = "workers.api.error.environment_not_found" } } } },
  },
}

local delete = {
  operation = "DELETE SCR",
  {
    name = "has no result, and says so",
    source = "§6.2, §1.5",
    needs = "script",
    { "DELETE SCR", expect = { result = json.null } },
    { "GET SCR", expect = { code = 10092 } },
    { "DELETE SCR", expect = { code = 10007 } },
  },
  {
    name = "by force",
    source = "§6.2",
    needs = "script",
    { "DELETE SCR?force=true", expect = { result = json.null } },
  },
  {
    name = "one that another refers to",
    source = "UNKNOWN-20",
    live = false, -- the service may look for references
    needs = "script",
    { "PUT NS/scripts/{script}-caller", form = requests.upload { bindings = {
      { type = "service", name = "CALLED", service = "{script}" } } } },
    { "DELETE SCR", expect = { result = json.null } },
  },
  {
    name = "the next script of the name begins anew",
    source = "§6.2",
    needs = { script = { tags = { "a" }, logpush = true,
      bindings = { { type = "secret_text", name = "KEY", text = "value" } } } },
    { "GET SCR", expect = { result = { script = { tag = match.save "tag" } } } },
    { "DELETE SCR" },
    requests.put({ keep_bindings = { "secret_text" } }, nil,
      { result = { tag = match.other_than "tag", logpush = false } }),
    requests.get("SCR/tags", NONE),
    requests.get("SCR/bindings", NONE),
  },
}

return { details, delete }
