-- The bindings of a script, as they were resolved at its last change.

local lookup = require "moonherd.platform.lookup"

local M = {}

--- GET bindings. Values of secrets were never among them.
function M.get(call)
  return lookup.present_state(call).bindings
end

return M
