-- Handlers of a script's tags. Tags belong to the script and not to a version of it: a change shows
-- in `modified_on`, and leaves the version and the etag. A tag that is there already, or not there
-- to be removed, changes nothing at all.

local json = require "moonherd.json"
local lookup = require "moonherd.platform.lookup"
local publish = require "moonherd.platform.publish"
local tags_of = require "moonherd.platform.tags"

local M = {}

-- Changes the tags of a script. `edit` is given its state and returns whether it has changed them.
-- The state is read when it is this call's turn: no time goes by before, as it does with a body.
local function change(call, edit)
  return publish.change(call, lookup.present_state, nil, function (script)
    return edit(script) and { tags = true, keeps_version = true } or nil
  end)
end

--- GET tags
function M.get(call)
  return lookup.present_document(call).tags
end

--- PUT tags: those of the body and no others.
function M.replace(call)
  lookup.present_document(call)
  local tags = tags_of.check(call:json(), "", call)
  change(call, function (script)
    script.tags = tags
    return true
  end)
  return json.encode(tags)
end

--- PUT tag: one more. The body is not looked at.
function M.add(call)
  change(call, function (script)
    return tags_of.add(script, call.parameters.tag, call)
  end)
  return "null"
end

--- DELETE tag: one less.
function M.remove(call)
  change(call, function (script)
    return tags_of.remove(script, call.parameters.tag)
  end)
  return "null"
end

return M
