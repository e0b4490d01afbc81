-- Writes a new version of a script: what every change of code, bindings or settings ends with.

local document = require "moonherd.platform.document"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local BLOCK = require("moonherd.platform.parts").BLOCK
local scan = require "moonherd.platform.scan"

local M = {}

--- The state of a script that is not there yet, in a namespace that is.
function M.blank(state, name, now)
  return {
    namespace_id = state.namespace_id,
    name = name,
    tag = hash.hex(hash.random(16)),
    created_on = now,
    tags = json.array {},
    classes = json.array {},
    bindings = json.array {},
    secrets = {},
    number = 0,
    code = nil,
  }
end

--- The state of a script that was read from the store, decoded.
function M.decode(state, name)
  return {
    namespace_id = state.namespace_id,
    id = state.id,
    rev = state.rev,
    name = name,
    tag = state.tag,
    created_on = state.created_on,
    tags = json.decode(state.tags),
    settings = json.decode(state.settings, { nulls = true }),
    migration_tag = state.migration_tag,
    classes = json.decode(state.classes),
    number = state.number,
    metadata = state.metadata,
    version_settings = json.decode(state.version_settings, { nulls = true }),
    bindings = json.decode(state.bindings, { nulls = true }),
    secrets = state.secrets,
    code = state.code_id and {
      id = state.code_id,
      kind = state.kind,
      entry = state.entry,
      etag = state.etag,
      handlers = json.decode(state.handlers),
      named_handlers = json.decode(state.named_handlers),
    },
  }
end

-- The source of a module; of a long one its first and last block, where bundlers put the exports.
local function source_of(call, module)
  if module.content then
    return module.content
  end
  local last = (module.size - 1) // BLOCK
  local head = call.store:block(module.blob, 0)
  return last == 0 and head or head .. "\n" .. call.store:block(module.blob, last)
end

--- Looks at new code for the events it handles; false when its entry is empty.
function M.describe(call, code)
  local source = source_of(call, code.modules[1])
  if code.kind == "module" then
    code.handlers, code.named_handlers = scan.module(source)
  else
    code.handlers, code.named_handlers = scan.service_worker(source), {}
  end
  return not scan.is_empty(source)
end

local function code_row(code, carried_parts, previous)
  return {
    kind = code.kind,
    entry = code.entry,
    etag = code.etag,
    handlers = json.encode(json.array(code.handlers)),
    named_handlers = json.encode(json.array(code.named_handlers)),
    modules = code.modules,
    carried_parts = carried_parts,
    previous_id = previous and previous.id,
  }
end

local function script_row(script, rendered)
  return {
    id = script.id,
    rev = script.rev,
    namespace_id = script.namespace_id,
    name = script.name,
    tag = script.tag,
    created_on = script.created_on,
    modified_on = script.modified_on,
    tags = json.encode(json.array(script.tags)),
    settings = json.encode(script.settings),
    migration_tag = script.migration_tag,
    classes = json.encode(json.array(script.classes)),
    document = json.encode(rendered),
  }
end

--- Writes the version. `script` is the changed state; its `code` is new when it has no id. `change`
--- holds `tags` (true when they change), `carried_parts` (names of parts of bindings that new code
--- takes over) and `previous` (the code before). Returns the Script object and the version's uuid,
--- or nil when the script is not as it was read.
function M.write(call, script, change)
  local code, now = script.code, script.id and call.stamp() or script.created_on
  script.modified_on = now
  local version = {
    number = script.number + 1,
    uuid = hash.uuid(),
    code_id = code and code.id,
    created_on = now,
    created_by = call.user,
    source = call:source(),
    metadata = script.metadata,
    settings = json.encode(script.version_settings),
    bindings = json.encode(json.array(script.bindings)),
    secrets = script.secrets,
  }
  local rendered = document.make(script, {
    settings = script.version_settings,
    source = version.source,
    has_assets = script.assets ~= nil,
  }, code or {})
  local new_code = code
    and not code.id
    and code_row(code, change.carried_parts or {}, change.previous)
  local tags = change.tags and script.tags
  if call.store:put_script(script_row(script, rendered), new_code or nil, version, tags) then
    return rendered, version.uuid
  end
end

return M
