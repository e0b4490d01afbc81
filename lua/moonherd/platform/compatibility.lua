-- Routes beside the API of namespaces that clients ask for on their way. wrangler looks for an
-- ordinary Worker of the same name before it deploys into a namespace: there never is one.

local errors = require "moonherd.platform.errors"

local M = {}

--- Any route of ordinary Workers.
function M.no_worker()
  errors.refuse(10007)
end

--- GET tokens/verify
function M.verify_token(call)
  call.messages = { { code = 10000, message = "This API Token is valid and active" } }
  return ('{"id":"%s","status":"active"}'):format(call.user)
end

return M
