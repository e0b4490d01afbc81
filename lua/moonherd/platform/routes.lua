-- What the platform answers: method, path and handler, one row each, and what checks the credential
-- where that is not the usual one.

local accounts = require "moonherd.platform.accounts"
local asset_sessions = require "moonherd.platform.asset_sessions"
local asset_upload = require "moonherd.platform.asset_upload"
local compatibility = require "moonherd.platform.compatibility"
local content = require "moonherd.platform.content"
local control = require "moonherd.platform.control"
local namespaces = require "moonherd.platform.namespaces"
local script_bindings = require "moonherd.platform.script_bindings"
local script_list = require "moonherd.platform.script_list"
local script_secrets = require "moonherd.platform.script_secrets"
local script_tags = require "moonherd.platform.script_tags"
local scripts = require "moonherd.platform.scripts"
local settings = require "moonherd.platform.settings"

local ACCOUNT = "/accounts/{account}"
local NAMESPACES = ACCOUNT .. "/workers/dispatch/namespaces"
local NAMESPACE = NAMESPACES .. "/{namespace}"
local SCRIPTS = NAMESPACE .. "/scripts"
local SCRIPT = SCRIPTS .. "/{script}"

-- One older Go client writes the content to a path of its own.
local GO_CONTENT = ACCOUNT .. "/workers/dispatch_namespaces/{namespace}/scripts/{script}/content"

local ASSETS_UPLOAD = ACCOUNT .. "/workers/assets/upload"

local ORDINARY_WORKER = ACCOUNT .. "/workers/scripts/{script}"

return {
  { "POST", NAMESPACES, namespaces.create },
  { "GET", NAMESPACES, namespaces.list },
  { "GET", NAMESPACE, namespaces.get },
  { "PUT", NAMESPACE, namespaces.put },
  { "PATCH", NAMESPACE, namespaces.patch },
  { "DELETE", NAMESPACE, namespaces.delete },

  { "GET", SCRIPTS, script_list.list },
  { "DELETE", SCRIPTS, script_list.delete },
  { "PUT", SCRIPT, scripts.put },
  { "GET", SCRIPT, scripts.get },
  { "DELETE", SCRIPT, scripts.delete },
  { "PUT", SCRIPT .. "/content", content.put },
  { "GET", SCRIPT .. "/content", content.get },
  { "PUT", GO_CONTENT, content.put },
  { "GET", SCRIPT .. "/bindings", script_bindings.get },
  { "PUT", SCRIPT .. "/tags", script_tags.replace },
  { "GET", SCRIPT .. "/tags", script_tags.get },
  { "PUT", SCRIPT .. "/tags/{tag}", script_tags.add },
  { "DELETE", SCRIPT .. "/tags/{tag}", script_tags.remove },
  { "GET", SCRIPT .. "/settings", settings.get },
  { "PATCH", SCRIPT .. "/settings", settings.patch },
  { "PUT", SCRIPT .. "/secrets", script_secrets.put },
  { "GET", SCRIPT .. "/secrets", script_secrets.list },
  { "GET", SCRIPT .. "/secrets/{secret}", script_secrets.get },
  { "DELETE", SCRIPT .. "/secrets/{secret}", script_secrets.delete },
  { "PATCH", SCRIPT .. "/secrets-bulk", script_secrets.patch },

  { "POST", SCRIPT .. "/assets-upload-session", asset_sessions.open },
  { "POST", ASSETS_UPLOAD, asset_upload.post_form, asset_upload.authenticate },
  { "POST", ASSETS_UPLOAD .. "/{hash}", asset_upload.post_file, asset_upload.authenticate },

  { "GET", ORDINARY_WORKER .. "/secrets", compatibility.no_worker },
  { "GET", ORDINARY_WORKER .. "/settings", compatibility.no_worker },
  { "PATCH", ORDINARY_WORKER .. "/script-settings", compatibility.no_worker },
  { "GET", "/accounts", accounts.list },
  { "GET", "/memberships", accounts.memberships },
  { "GET", ACCOUNT .. "/queues", compatibility.queues },
  { "GET", ACCOUNT .. "/r2/buckets/{bucket}", compatibility.bucket },
  { "GET", "/user/tokens/verify", compatibility.verify_token },
  { "GET", ACCOUNT .. "/tokens/verify", compatibility.verify_token },

  { "GET", "/moonherd/faults", control.get_faults },
  { "PUT", "/moonherd/faults", control.put_faults },
  { "DELETE", "/moonherd/faults", control.delete_faults },
  { "GET", "/moonherd/requests", control.get_requests },
  { "DELETE", "/moonherd/requests", control.delete_requests },
}
