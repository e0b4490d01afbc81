-- The operations of the API, one row each. Everything that differs between two calls on the wire is
-- here; the transport reads it and knows no operation by name. Adding an operation is adding a row.
--
--   id       Cloudflare's operationId
--   does     words for messages: "<does> production/shop-7: …"
--   path     template; the parameters stand in the order of the path and are given encoded
--   body     none, json, multipart (metadata and modules), settings (multipart, one part)
--   answer   envelope, content (modules or an error envelope)
--   class    what a repeat would do; decides about retries:
--            read     changes nothing
--            replace  the same again gives the same: upload, secrets, tags
--            delete   the second time finds nothing: "not found" after a repeat means done
--            create   a repeat may find its own work and fail: read back first
--   needs    a member of the result; a success without it means "not found"
--   gives    "list": the result is a list of objects
--   timeout  seconds for the whole call, unless the client has a timeout of its own
--   scope    account, namespace or script: what a path names last (made here from the path)
local M = {}

local ACCOUNT = "/accounts/{account_id}"
local NAMESPACES = ACCOUNT .. "/workers/dispatch/namespaces"
local NAMESPACE = NAMESPACES .. "/{dispatch_namespace}"
local SCRIPTS = NAMESPACE .. "/scripts"
local SCRIPT = SCRIPTS .. "/{script_name}"

local QUICK, BULKY = 60, 600

local function row(method, path, fields)
  fields.method, fields.path = method, path
  return fields
end

M.create_namespace = row("POST", NAMESPACES, {
  id = "namespace-worker-create", does = "create namespace", body = "json", class = "create",
})
M.list_namespaces = row("GET", NAMESPACES, {
  id = "namespace-worker-list", does = "list namespaces", class = "read",
  gives = "list",
})
M.get_namespace = row("GET", NAMESPACE, {
  id = "namespace-worker-get-namespace", does = "get namespace", class = "read",
})
M.delete_namespace = row("DELETE", NAMESPACE, {
  id = "namespace-worker-delete-namespace", does = "delete namespace", class = "delete",
})
M.list_scripts = row("GET", SCRIPTS, {
  id = "namespace-worker-list-scripts", does = "list scripts of", class = "read",
  gives = "list",
})
M.put_script = row("PUT", SCRIPT, {
  id = "namespace-worker-script-upload-worker-module", does = "upload script",
  body = "multipart", class = "replace", timeout = BULKY,
})
M.get_script = row("GET", SCRIPT, {
  id = "namespace-worker-script-worker-details", does = "get script", class = "read",
  needs = "script",
})
M.delete_script = row("DELETE", SCRIPT, {
  id = "namespace-worker-script-delete-worker", does = "delete script", class = "delete",
})
M.put_content = row("PUT", SCRIPT .. "/content", {
  id = "namespace-worker-put-script-content", does = "put content of script",
  body = "multipart", class = "replace", timeout = BULKY,
})
M.get_content = row("GET", SCRIPT .. "/content", {
  id = "namespace-worker-get-script-content", does = "get content of script",
  answer = "content", class = "read", timeout = BULKY,
})

-- The template becomes what string.format takes; it ignores surplus arguments, so that every row is
-- called with the same ones.
for _, endpoint in pairs(M) do
  local path = endpoint.path
  endpoint.format = path:gsub("%b{}", "%%s")
  endpoint.scope = path:find("{script_name}", 1, true) and "script"
    or path:find("{dispatch_namespace}", 1, true) and "namespace" or "account"
  endpoint.body = endpoint.body or "none"
  endpoint.answer = endpoint.answer or "envelope"
  endpoint.timeout = endpoint.timeout or QUICK
end

-- What a path without a row can be taken for, by its method alone.
local CLASS_OF_METHOD = {
  GET = "read", HEAD = "read", OPTIONS = "read", PUT = "replace", DELETE = "delete",
  POST = "create", PATCH = "create",
}

--- A row for a call that has none: client:request.
---@param method string
---@param path string
---@return table endpoint
function M.of_request(method, path)
  return {
    does = method .. " " .. path, method = method, body = "any", answer = "raw",
    class = CLASS_OF_METHOD[method] or "create", timeout = QUICK, scope = "account",
  }
end

return M
