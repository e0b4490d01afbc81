-- A handle to a script of a dispatch namespace: its name and what can be done with it.
local assets = require "moonherd.cloudflare.assets"
local content = require "moonherd.cloudflare.content"
local endpoints = require "moonherd.cloudflare.endpoints"
local methods = require "moonherd._methods"
local moonherd_try = require "moonherd.async".try
local options = require "moonherd._options"
local script_tags = require "moonherd.cloudflare.script_tags"
local secrets = require "moonherd.cloudflare.secrets"
local settings = require "moonherd.cloudflare.settings"
local transport = require "moonherd.cloudflare.transport"
local uploads = require "moonherd.cloudflare.upload"
local url = require "moonherd.cloudflare.url"
local waiting = require "moonherd.cloudflare.waiting"

local M = {}

--- A handle to a script of a namespace: nothing is sent before a method is called.
---@class script
---@field name string  as the API keeps it
local Script = {}
Script.__name = "moonherd.script"

-- A method, or the namespace's name, encoded, as it is now: a namespace that is renamed takes the
-- handles made from it along.
function Script:__index(key)
  if key == "_namespace" then return self._home._segment end
  return Script[key]
end

function Script:__tostring()
  return ("script %s/%s"):format(self._namespace, self._segment)
end

--- Makes a handle. It keeps its name encoded, as paths need it.
---@param client table
---@param namespace table  the handle of its namespace
---@param name string  checked, or given by the API
---@return table script
function M.new(client, namespace, name)
  return setmetatable({
    name = name, _client = client, _home = namespace, _segment = url.encode(name),
  }, Script)
end

local function call(self, endpoint, query)
  return transport.call(self._client, endpoint, query, nil, self._namespace, self._segment)
end

--- Uploads the script: creates it, or replaces its code, bindings and settings in one request. Live
--- secrets and assets are kept unless the options say otherwise. All other fields of the upload's
--- metadata are options under their own names: compatibility_flags, usage_model, limits, logpush,
--- tail_consumers, streaming_tail_consumers, observability, placement, migrations, exports,
--- cache_options, annotations, package_dependencies, containers, code_update_strategy,
--- capnp_schema.
---@async
---@param spec table  options; what script:content returns will do for the code. Of file, dir,
---  modules and script exactly one is given, or assets without code; etag is not sent
---@field spec.file? string  one ES module; the path is relative to the script's folder; default
---  none
---@field spec.dir? string  a folder of modules, types by extension; default none
---@field spec.modules? table  name = bytes or {content=, type=}; default none
---@field spec.main_module? string  default: the only module of code
---@field spec.script? string  the code itself, in service-worker syntax; default none
---@field spec.body_part? string  the module that is the script in service-worker syntax; default
---  none
---@field spec.compatibility_date string  YYYY-MM-DD
---@field spec.bindings? table  by name or a list; moonherd.inherit keeps what is live; default
---  none but those of keep_bindings
---@field spec.keep_bindings? table|boolean  types kept unnamed; default the two secret types
---@field spec.bindings_inherit? string|boolean  false: what is not live is left out; default
---  "strict"
---@field spec.tags? table  replaces the tags; at most 10; default those that are live stay
---@field spec.keep_assets? boolean  default true
---@field spec.assets? table|boolean  static files, as for script:upload_assets: dir, files, salt,
---  on_progress, or `jwt`, the token it returned; and how they are served: html_handling,
---  not_found_handling, run_worker_first, _headers, _redirects, base_path, serve_directly. Without
---  files only that is changed; false removes the assets. Given assets, code may be left out: then
---  the Worker has none
---@field spec.dry_run? boolean  send nothing, tell what would change; default false
---@return worker result  with `requests`, and `assets` when files were given; of a dry run exists,
---  diff and text
---@error api validation  when the API refuses the code or the metadata
---@error api binding_not_found  when an inherited binding is not live
---@error usage binding_too_large  for a variable or secret above 5 KB
---@error usage too_many_bindings  above 128 variables and secrets
---@error api namespace_not_found  when the namespace is missing
---@error usage too_many_tags  above ten
---@error io file_changed  also the other errors of script:upload_assets
---@example
--- local ns = moonherd.connect { target = "local" }:ensure_namespace "production"
--- ns:script "hello":upload {
---   modules = { ["hello.mjs"] = "export default { fetch() { return new Response('hi') } }" },
---   compatibility_date = "2026-10-01",
--- }
--- local plan = ns:script "hello":upload {
---   modules = { ["hello.mjs"] = "export default { fetch() { return new Response('ho') } }" },
---   compatibility_date = "2026-10-01", dry_run = true,
--- }
--- print(plan.text:match "[^\n]+") --> script production/hello would change (nothing was sent)
function Script:upload(spec)
  return uploads.upload(self, spec)
end

--- What the API knows about the script.
---@async
---@return table details
---@field details.id string  its name
---@field details.script worker  what the API says of it
---@field details.tags? string[]  at most 10
---@field details.created_on string  when it was uploaded first, a text of ISO 8601
---@field details.modified_on string  when it was changed last
---@field details.dispatch_namespace string  the name of its namespace
---@error api script_not_found  when it does not exist
---@example
--- print(script:details().script.etag ~= nil) --> true
function Script:details()
  return (call(self, endpoints.get_script))
end

local NOT_THERE = { script_not_found = true, namespace_not_found = true }

--- Whether the script exists. In a namespace that does not, it does not.
---@async
---@return boolean exists
---@error as client:request
---@example
--- print(script:exists(), ns:script("nobody"):exists()) --> true false
function Script:exists()
  local details, err = moonherd_try(self.details, self)
  if details then return true end
  if NOT_THERE[err.reason] then return false end
  error(err, 0)
end

--- Waits until the script is there, or until the version with an etag is: asks again and again, at
--- growing intervals. Uploads are live within seconds, but not at once everywhere.
---@async
---@param opts? table
---@field opts.etag? string  as script:upload returns it; default: any
---@field opts.timeout? duration  how long to wait; default 60
---@return table details  as script:details gives them
---@error timeout timeout_live  when the time is over; the message says what was seen last
---@example
--- local result = script:upload {
---   modules = { ["worker.mjs"] = "export default {}" }, compatibility_date = "2026-10-01",
--- }
--- script:wait_live { etag = result.etag, timeout = "30s" }
function Script:wait_live(opts)
  return waiting.run(self, opts)
end

local read_delete = options.reader("script:delete", { { "force", "boolean" } })
local FORCE = "?force=true"

--- Deletes the script with its secrets, tags and settings.
---@async
---@param opts? table
---@field opts.force? boolean  also when other Workers refer to it; default false
---@error api script_not_found  when it does not exist
---@example
--- script:delete()
--- print(script:exists()) --> false
function Script:delete(opts)
  call(self, endpoints.delete_script, read_delete(opts).force and FORCE or nil)
end

--- Reads the code: the modules with their types, as they were uploaded.
---@async
---@return table content  script:upload and script:put_content take it
---@field content.modules table<string, table>  content (bytes) and type of each, by name
---@field content.main_module? string  the name of the module that the script is
---@field content.body_part? string  the same in service-worker syntax
---@field content.etag string  of this version
---@error api script_not_found  when it does not exist
---@example
--- local content = script:content()
--- for name, module in pairs(content.modules) do print(name, module.type) end
function Script:content()
  return content.get(self)
end

--- Replaces the code and nothing else: bindings, secrets, settings and tags stay.
---@async
---@param spec table  the options of script:upload for code, or what script:content returned
---@return worker result  with `requests`
---@error api script_not_found  when it does not exist
---@example
--- local content = script:content()
--- ns:script("copy"):upload { script = "addEventListener('fetch', () => {})",
---   compatibility_date = "2026-10-01" }
--- ns:script("copy"):put_content(content)
function Script:put_content(spec)
  return content.put(self, spec)
end

-- ---- secrets and settings ----------------------------------------------------------------------

--- Lists the bindings. Those that are secrets come without their value; given to script:upload
--- again, they stay as they are.
---@async
---@return table[] bindings
---@error api script_not_found  when the script does not exist
---@example
--- for _, binding in ipairs(script:bindings()) do print(binding.name, binding.type) end
function Script:bindings()
  return (call(self, endpoints.list_bindings)) or {}
end

--- Lists the secrets: names and types. No call of the API gives a secret's value.
---@async
---@return table[] secrets
---@error api script_not_found  when the script does not exist
---@example
--- script:put_secret("API_KEY", "sk_live_51H8f")
--- print(script:secrets()[1].name) --> API_KEY
function Script:secrets()
  return secrets.list(self)
end

--- What the API tells about one secret.
---@async
---@param name string
---@return table secret  name, type; of a key also algorithm, format, usages
---@error api script_not_found  when the script does not exist
---@error api binding_not_found  when the secret does not exist
---@example
--- script:put_secret("API_KEY", "sk_live_51H8f")
--- print(script:secret("API_KEY").type) --> secret_text
function Script:secret(name)
  return secrets.get(self, name)
end

--- Sets a secret. The script has the new value at once; its code stays.
---@async
---@param name string
---@param value string|table  text, or a key for Web Crypto
---@field value.algorithm string|table  as for crypto.subtle.importKey
---@field value.format string  raw, pkcs8, spki or jwk
---@field value.usages string[]  encrypt, decrypt, sign, verify, deriveKey, deriveBits, wrapKey,
---  unwrapKey
---@field value.key_base64? string  the key, when the format is not jwk
---@field value.key_jwk? table  the key, when it is; else nil
---@return table secret  without its value
---@error api script_not_found  when the script does not exist; it is not created
---@error api binding_name_taken  when a binding that is no secret has the name
---@error usage binding_too_large  above 5 KB
---@example
--- print(script:put_secret("API_KEY", "sk_live_51H8f").name) --> API_KEY
function Script:put_secret(name, value)
  return (secrets.put(self, name, value))
end

--- Sets and deletes several secrets in one request: all of it happens, or nothing. Secrets that are
--- not named stay.
---@async
---@param values table<string, any>  a value as for script:put_secret; moonherd.null deletes
---@return table secrets  by name, without values, as the API answers: it may name others too
---@error api script_not_found  when the script does not exist
---@error usage binding_too_large  above 5 KB
---@error usage too_many_bindings  above 128 values
---@example
--- script:put_secrets { API_KEY = "…", OLD_KEY = moonherd.null }
function Script:put_secrets(values)
  return secrets.patch(self, values)
end

--- Deletes a secret.
---@async
---@param name string
---@error api script_not_found  when the script does not exist
---@error api binding_not_found  when the secret does not exist
---@example
--- script:put_secret("API_KEY", "sk_live_51H8f")
--- script:delete_secret "API_KEY"
--- print(#script:secrets()) --> 0
function Script:delete_secret(name)
  secrets.delete(self, name)
end

--- Reads the settings: bindings, compatibility_date, limits, observability, tags, …
---@async
---@return table settings
---@error api script_not_found  when the script does not exist
---@example
--- print(script:settings().compatibility_date) --> 2026-10-01
function Script:settings()
  return (settings.get(self))
end

--- Changes settings; the code and what is not named stay. Bindings are changed by name, in a list
--- too: those that are not named are sent as inherited, and no secret is sent without its value.
--- limits, observability and cache_options are changed member by member, and moonherd.null takes a
--- member away. Tags, lists and placement are replaced. For bindings and these three objects the
--- settings are read first, a second request. The API has no way to say "if nothing has changed":
--- two calls for one script at the same time can undo each other, so make them one after another.
---@async
---@param changes table  what script:settings returns will do; what is not given stays as it is;
---  what only answers have is not sent: exports_reconciliation, migration_tag, modified_on,
---  messages and requests
---@field changes.bindings? table  by name, where moonherd.null removes one, or a list; others
---  stay
---@field changes.replace? boolean  true: send what is given as the whole new value, read nothing;
---  bindings that are not named are removed, secrets among them
---@field changes.compatibility_date? string  YYYY-MM-DD; default it stays
---@field changes.compatibility_flags? string[]  all of them; default they stay
---@field changes.usage_model? string  "standard"; default it stays
---@field changes.limits? table  cpu_ms, milliseconds, and subrequests, a count; other members stay
---@field changes.logpush? boolean  whether logs are pushed; default it stays
---@field changes.tags? string[]  all of them, at most 10; default they stay
---@field changes.tail_consumers? table  a list; moonherd.null for none; default they stay
---@field changes.observability? table  as for script:upload; other members stay
---@field changes.placement? table  as for script:upload; default it stays
---@field changes.migrations? table  is sent, never read; default none
---@field changes.exports? table  is sent, never read; default none
---@field changes.cache_options? table  as for script:upload; other members stay
---@field changes.streaming_tail_consumers? table  a list; moonherd.null for none; default they
---  stay
---@field changes.annotations? table  is sent, never read; default none
---@return table settings  all of them after the change, and `requests`: how many it took
---@error api script_not_found  when the script does not exist
---@error api binding_not_found  when what shall be inherited is not live
---@error usage too_many_tags  above ten
---@example
--- script:patch_settings {
---   bindings = { PLAN = "pro", OLD = moonherd.null },
---   observability = { logs = { enabled = true } },
--- }
function Script:patch_settings(changes)
  return settings.patch(self, changes)
end

-- ---- assets ------------------------------------------------------------------------------------

local read_assets = options.reader("script:upload_assets", assets.SOURCES)

--- Uploads static files that a script is to serve, those that the API does not have yet. Nothing
--- is served before script:upload is given the token.
---
--- A folder is uploaded as wrangler does it: .assetsignore is heeded, hidden files are not left
--- out, the texts of _headers and _redirects become settings, content types go by extension. Links
--- within the folder are followed. An empty folder is refused. Every file is hashed, with the salt,
--- when it is found and again when it is sent, and never held as a whole.
---@async
---@param opts table
---@field opts.dir? string  the folder; relative to the script's folder; default none
---@field opts.files? table  path = bytes or {content=, type=}; stands for a file of that path;
---  default none
---@field opts.salt? string  scripts of one namespace share files of equal content; not those of
---  another salt; default none
---@field opts.on_progress? function  called after each request with the files sent so far, those to
---  be sent, and the bytes sent; default none
---@return string token  for `assets = {jwt = token}` of script:upload, within the hour
---@return table report
---@field report.files integer  how many files there are
---@field report.sent integer  how many were sent
---@field report.skipped integer  how many were there already, or equal another
---@field report.bytes integer  bytes that were sent
---@field report.requests integer  how many HTTP requests it took
---@field report.config? table  the texts of _headers and _redirects, when there are such files
---@error io not_found  when there is no such folder
---@error io file_changed  when a file is another one than a moment ago; `path` says which
---@error usage bad_name  when a path is not UTF-8
---@error usage bad_link  when a link leads out of the folder, or nowhere
---@error usage not_a_file  when something is neither file nor folder
---@error usage too_large  when a file has more than 25 MiB
---@error usage too_many_assets  when there are more than 100,000
---@error api no_completion_token  when all was sent and the API does not say that it is complete
---@example
--- local token, report = script:upload_assets { files = { ["/index.html"] = "<h1>Hi</h1>" } }
--- print(report.sent, report.skipped) --> 1 0
--- script:upload { assets = { jwt = token }, compatibility_date = "2026-10-01" }
function Script:upload_assets(opts)
  opts = read_assets(opts)
  return assets.upload(self, opts, "script:upload_assets")
end

--- Opens an upload session, the first step of script:upload_assets, for those who send the files
--- themselves.
---@async
---@param manifest table  path = {hash = 32 hexadecimal digits, size = bytes}
---@return table session
---@field session.jwt string  the token to upload with; without buckets, the completion token
---@field session.buckets? string[][]  the hashes to upload, a list for each request
---@error as client:request
---@example
--- local session = script:assets_upload_session {
---   ["/index.html"] = { hash = ("0a"):rep(16), size = 5 },
--- }
--- print(#session.buckets) --> 1
function Script:assets_upload_session(manifest)
  local who = "script:assets_upload_session"
  return (assets.open_session(self, assets.check_manifest(manifest, who), who))
end

for name, method in pairs(script_tags) do Script[name] = method end

methods.guard(Script, "script")

return M
