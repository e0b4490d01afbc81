-- Routes beside the API of namespaces that clients ask for on their way. wrangler looks for an
-- ordinary Worker of the same name before it deploys into a namespace: there never is one.

local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local json = require "moonherd.json"

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

-- wrangler looks up the queues and buckets that a Worker is bound to before it uploads it. They
-- belong to other products, and a platform that stores Workers has none: whatever is asked for is
-- there.

--- GET queues?name=…
function M.queues(call)
  local name = call:query "name"
  local list = json.array {}
  if name then
    list[1] = { queue_id = hash.sha256(name):sub(1, 32), queue_name = name }
  end
  return json.encode(list), json.encode { count = #list, page = 1, per_page = 20, total_pages = 1 }
end

--- GET r2/buckets/{bucket}
function M.bucket(call)
  return json.encode { name = call.parameters.bucket }
end

return M
