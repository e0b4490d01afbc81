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
--   check    of a write: the row of the read that shows, after an unclear outcome (the connection
--            broke, a timeout, 5xx), whether it was done
--   call     of a read that is such a check: the function that makes it
--   auth     session: the token of an upload session, in the place of the client's credential
--   needs    a member of the result; a success without it means "not found"
--   gives    "list": the result is a list of objects; "texts": a list of strings; "object"
--   members  what those of its members must be that the client works with, when they are there:
--            "text", "texts", "count", "bindings", or the members of an object once more
--   bare     a member of the result that tells it from an envelope: it may come without one
--   once     what it means is decided when it runs: never sent again when it may have been done
--   names    "namespace": its body holds the name of a namespace that it makes or renames
--   timeout  seconds for the whole call, unless the client has a timeout of its own
-- Made here of these:
--   scope    account, namespace or script: what the path names last
--   shown_by of a write with a check: the `call` of that
--   is_noted whether its success is taken down: what is new may not be seen everywhere at once
local M = {}

local ACCOUNT = "/accounts/{account_id}"
local NAMESPACES = ACCOUNT .. "/workers/dispatch/namespaces"
local NAMESPACE = NAMESPACES .. "/{dispatch_namespace}"
local SCRIPTS = NAMESPACE .. "/scripts"
local SCRIPT = SCRIPTS .. "/{script_name}"

local QUICK, BULKY = 60, 600

local OF_NAMESPACE = { namespace_name = "text", script_count = "count" }
local OF_WORKER = { script = { etag = "text", tags = "texts", migration_tag = "text" } }
local OF_SETTINGS = { bindings = "bindings", tags = "texts" }

local function row(method, path, fields)
  fields.method, fields.path = method, path
  return fields
end

M.create_namespace = row("POST", NAMESPACES, {
  id = "namespace-worker-create", does = "create namespace", body = "json", class = "create",
  check = "get_namespace", names = "namespace", gives = "object",
})
M.list_namespaces = row("GET", NAMESPACES, {
  id = "namespace-worker-list", does = "list namespaces", class = "read",
  gives = "list",
})
M.get_namespace = row("GET", NAMESPACE, {
  id = "namespace-worker-get-namespace", does = "get namespace", class = "read",
  call = "namespace:details",
  gives = "object", members = OF_NAMESPACE,
})
M.put_namespace = row("PUT", NAMESPACE, {
  id = "namespace-worker-put-namespace", does = "update namespace", body = "json",
  class = "create", check = "get_namespace", -- a repeated rename finds no namespace
  names = "namespace", gives = "object",
})
M.patch_namespace = row("PATCH", NAMESPACE, {
  id = "namespace-worker-patch-namespace", does = "change namespace", body = "json",
  class = "create", check = "get_namespace", names = "namespace", gives = "object",
})
M.delete_namespace = row("DELETE", NAMESPACE, {
  id = "namespace-worker-delete-namespace", does = "delete namespace", class = "delete",
  check = "get_namespace",
})
M.list_scripts = row("GET", SCRIPTS, {
  id = "namespace-worker-list-scripts", does = "list scripts of", class = "read",
  gives = "list",
  call = "namespace:scripts",
})
M.delete_scripts = row("DELETE", SCRIPTS, {
  id = "namespace-worker-delete-scripts", does = "delete scripts of", class = "delete",
  check = "list_scripts", bare = "deleted_count", once = true, timeout = BULKY,
})

M.put_script = row("PUT", SCRIPT, {
  id = "namespace-worker-script-upload-worker-module", does = "upload script",
  body = "multipart", class = "replace", check = "get_script", timeout = BULKY,
  gives = "object",
})
M.get_script = row("GET", SCRIPT, {
  id = "namespace-worker-script-worker-details", does = "get script", class = "read",
  needs = "script", gives = "object", members = OF_WORKER,
  call = "script:details",
})
M.delete_script = row("DELETE", SCRIPT, {
  id = "namespace-worker-script-delete-worker", does = "delete script", class = "delete",
  check = "get_script",
})
M.create_assets_session = row("POST", SCRIPT .. "/assets-upload-session", {
  id = "namespace-worker-script-update-create-assets-upload-session",
  does = "open an assets upload session of script",
  body = "json", class = "replace", -- another session harms nothing
})
M.list_bindings = row("GET", SCRIPT .. "/bindings", {
  id = "namespace-worker-get-script-bindings", does = "list bindings of script", class = "read",
  gives = "list",
})

M.put_content = row("PUT", SCRIPT .. "/content", {
  id = "namespace-worker-put-script-content", does = "put content of script",
  body = "multipart", class = "replace", check = "get_script", timeout = BULKY,
  gives = "object",
})
M.get_content = row("GET", SCRIPT .. "/content", {
  id = "namespace-worker-get-script-content", does = "get content of script",
  answer = "content", class = "read", timeout = BULKY,
})
M.put_secret = row("PUT", SCRIPT .. "/secrets", {
  id = "namespace-worker-put-script-secrets", does = "put secret of script", body = "json",
  class = "replace", check = "list_secrets",
  gives = "object",
})
M.list_secrets = row("GET", SCRIPT .. "/secrets", {
  id = "namespace-worker-list-script-secrets", does = "list secrets of script", class = "read",
  gives = "list",
  call = "script:secrets",
})
M.get_secret = row("GET", SCRIPT .. "/secrets/{secret_name}", {
  id = "namespace-worker-get-script-secrets", does = "get secret of script", class = "read",
  gives = "object",
})
M.delete_secret = row("DELETE", SCRIPT .. "/secrets/{secret_name}", {
  id = "namespace-worker-delete-script-secret", does = "delete secret of script",
  class = "delete", check = "list_secrets",
})
M.patch_settings = row("PATCH", SCRIPT .. "/settings", {
  id = "namespace-worker-patch-script-settings", does = "patch settings of script",
  body = "settings", class = "replace", check = "get_settings",
  gives = "object",
})
M.get_settings = row("GET", SCRIPT .. "/settings", {
  id = "namespace-worker-get-script-settings", does = "get settings of script", class = "read",
  call = "script:settings",
  gives = "object", members = OF_SETTINGS,
})
M.put_tags = row("PUT", SCRIPT .. "/tags", {
  id = "namespace-worker-put-script-tags", does = "put tags of script", body = "json",
  class = "replace", check = "get_tags", gives = "texts",
})
M.get_tags = row("GET", SCRIPT .. "/tags", {
  id = "namespace-worker-get-script-tags", does = "get tags of script", class = "read",
  gives = "texts",
  call = "script:tags",
})
M.put_tag = row("PUT", SCRIPT .. "/tags/{tag}", {
  id = "namespace-worker-put-script-tag", does = "add tag to script", class = "replace",
  check = "get_tags",
})
M.delete_tag = row("DELETE", SCRIPT .. "/tags/{tag}", {
  id = "namespace-worker-delete-script-tag", does = "delete tag of script", class = "delete",
  check = "get_tags",
})

-- Beside the 25 operations of the API, and needed by them.
M.patch_secrets = row("PATCH", SCRIPT .. "/secrets-bulk", {
  id = "namespace-worker-patch-script-secrets-bulk", does = "patch secrets of script",
  body = "json", class = "replace", check = "list_secrets",
  gives = "object",
})
M.upload_assets = row("POST", ACCOUNT .. "/workers/assets/upload", {
  id = "worker-assets-upload", does = "upload assets", body = "multipart", class = "replace",
  auth = "session", timeout = BULKY,
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
  endpoint.shown_by = endpoint.check and M[endpoint.check].call
  endpoint.is_noted = endpoint.class == "create" or endpoint == M.delete_namespace
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
    once = true, is_noted = method == "POST",
  }
end

return M
