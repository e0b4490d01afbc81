-- What cloudflare-typescript 7.0 to 7.3 does to bodies (its issue 2799): an upload is labelled as
-- JavaScript, and JSON is flattened into form fields. The service refuses them, and so do we; the
-- log says how to send them instead.

local M = {}

local WAY_ROUND = "%s, as cloudflare-typescript 7 sends it (its issue 2799); the way round: one "
  .. "part of JSON text (%s: JSON.stringify(...)), each file a field of its own name, and the "
  .. "header 'Content-Type': null"

--- Writes the line to the log. `what` has happened to a body whose JSON part is `part`.
function M.log(call, what, part)
  call:log("warn", WAY_ROUND:format(what, part))
end

return M
