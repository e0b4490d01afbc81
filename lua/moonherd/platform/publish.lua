-- Changes a script: reads its state, has the caller decide, writes what came of it. Everything that
-- changes code, bindings or settings goes this way.

local document = require "moonherd.platform.document"
local hash = require "moonherd.hash"
local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local script_state = require "moonherd.platform.script_state"

local M = {}

local text = script_state.text

local function code_row(script, change)
  local code = script.code
  return {
    kind = code.kind,
    entry = code.entry,
    etag = code.etag,
    handlers = json.encode(json.array(code.handlers)),
    named_handlers = json.encode(json.array(code.named_handlers)),
    modules = code.modules,
    carried_parts = change.carried_parts or {},
    previous_id = script.previous_code_id,
  }
end

local function version_row(call, script)
  local assets = script.assets or {}
  return {
    number = script.number + 1,
    uuid = hash.uuid(),
    code_id = script.code and script.code.id,
    created_on = script.modified_on,
    created_by = call.user,
    source = script.source,
    metadata = text(script, "metadata"),
    settings = text(script, "version_settings"),
    bindings = text(script, "bindings"),
    secrets = script.secrets,
    asset_set_id = assets.set_id,
    asset_config = assets.config,
  }
end

local function script_row(script)
  return {
    id = script.id,
    rev = script.rev,
    namespace_id = script.namespace_id,
    namespace_uuid = script.namespace_uuid,
    name = script.name,
    tag = script.tag,
    created_on = script.created_on,
    modified_on = script.modified_on,
    tags = text(script, "tags"),
    settings = text(script, "settings"),
    migration_tag = script.migration_tag,
    classes = text(script, "classes"),
    document = script.document,
  }
end

-- Writes a changed state; false when the script is not as it was read.
local function write(call, script, change)
  script.modified_on = script.id and call.stamp(script.modified_on) or script.created_on
  local new_code, version
  if not change.keeps_version then
    script.source = call:source()
    version = version_row(call, script)
    new_code = script.code and not script.code.id and code_row(script, change) or nil
  end
  script.document = json.encode(document.make(script))
  script.version_uuid = version and version.uuid
  return call.store:put_script(script_row(script), new_code, version, change.tags and script.tags)
end

--- Changes the script of a call's path and returns its new state, with the Script object as text in
--- `document` and the new version's id in `version_uuid`.
---
--- `find` reads the row of the state, `lookup.state` or `lookup.present_state`; `first` is what it
--- gave when the call began, which is before its body was read; nil when there is no body. `decide`
--- is given the state to change; it is called again when others got in the way. What it returns
--- says more about the change: `tags` (true: they change), `keeps_version` (true: no new version is
--- made; code and whatever else belongs to a version is as it was) and `carried_parts` (names of
--- parts of bindings that new code takes over from the old). When it returns nil, nothing is
--- written.
function M.change(call, find, first, decide)
  return call:settle(lookup.key(call), function (try)
    local script = script_state.new(try == 1 and first or find(call), call)
    local change = decide(script)
    call.give_way()
    return (not change or write(call, script, change)) and script
  end)
end

return M
