-- The objects that several operations answer with.

local match = require "tests.conformance.match"

local M = {}

--- What the details of a script and the answer to its upload have in common (contract §5.6).
M.script = {
  id = match.pattern ".", tag = match.pattern ".", etag = match.hex(64),
  handlers = match.list_of(match.string),
  named_handlers = match.list_of { name = match.string, handlers = match.list_of(match.string) },
  has_assets = match.boolean, has_modules = match.boolean,
  compatibility_date = match.pattern "^%d%d%d%d%-%d%d%-%d%d$",
  compatibility_flags = match.list_of(match.string),
  created_on = match.time, modified_on = match.time,
  last_deployed_from = match.one_of("wrangler", "dash", "api"),
  logpush = match.boolean,
  tags = match.list_or_null(match.string), tail_consumers = match.list_or_null(match.object),
  usage_model = match.one_of("standard", "bundled", "unbound"),
}

--- The answer to an upload.
M.upload = match.all(M.script, {
  startup_time_ms = match.integer, deployment_id = match.hex(32),
})

return M
