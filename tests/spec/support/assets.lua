-- Uploads of static assets by raw HTTP, for the specs.

local hash = require "moonherd.hash"
local json = require "moonherd.json"
local platform = require "tests.spec.support.platform"

local M = {}

M.UPLOAD = "/client/v4/accounts/" .. platform.ACCOUNT .. "/workers/assets/upload"

--- The hash of a content, as the documentation makes it.
function M.hash_of(content)
  return hash.sha256(content):sub(1, 32)
end

--- The manifest of a table path -> content.
function M.manifest(files)
  local manifest = {}
  for path, content in pairs(files) do
    manifest[path] = { hash = M.hash_of(content), size = #content }
  end
  return manifest
end

--- Opens a session below `script` (/namespace/scripts/name) and returns the response.
function M.open(server, script, manifest, options)
  options = options or {}
  options.json = { manifest = manifest }
  return server:api("POST", script .. "/assets-upload-session", options)
end

--- The same for a session that must open; returns its token and buckets.
function M.session(server, script, manifest)
  local result = platform.ok(M.open(server, script, manifest))
  assert(json.is_array(result.buckets))
  return result.jwt, result.buckets
end

local function as_bearer(token)
  return { authorization = token and "Bearer " .. token or false }
end

--- One part of an upload, as wrangler writes it.
function M.part(content, content_type, digest)
  digest = digest or M.hash_of(content)
  return { name = digest, filename = digest, content_type = content_type or "text/html",
    content = hash.base64(content) }
end

--- Sends parts with a session's token.
function M.upload(server, token, parts, query)
  return server:request("POST", M.UPLOAD .. (query or "?base64=true"),
    { form = parts, headers = as_bearer(token) })
end

--- Sends one file as a body.
function M.upload_one(server, token, digest, content, content_type)
  local headers = as_bearer(token)
  headers["content-type"] = content_type
  return server:request("POST", M.UPLOAD .. "/" .. digest, { body = content, headers = headers })
end

--- A session with all its files uploaded; returns the completion token.
function M.complete(server, script, files)
  local token, buckets = M.session(server, script, M.manifest(files))
  local by_hash, parts = {}, {}
  for _, content in pairs(files) do by_hash[M.hash_of(content)] = content end
  for _, bucket in ipairs(buckets) do
    for _, digest in ipairs(bucket) do parts[#parts + 1] = M.part(by_hash[digest]) end
  end
  if not parts[1] then return token end
  local response = M.upload(server, token, parts)
  assert(response.status == 201, response.body)
  return response.result.jwt
end

--- The bytes and the type of a file of a script's live version; nil when it has no such file.
function M.read(server, namespace, script, path)
  local store = server.platform.store
  local file = store:find_asset_file(platform.ACCOUNT, namespace, script, path)
  if not file or file.content then return file and file.content, file and file.type end
  local blocks, block = {}, store:block(file.blob_id, 0)
  while block do
    blocks[#blocks + 1] = block
    block = store:block(file.blob_id, #blocks)
  end
  return table.concat(blocks), file.type
end

return M
