-- Handler that opens an upload session of assets: it takes the manifest and tells what is missing.

local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local lookup = require "moonherd.platform.lookup"
local manifest = require "moonherd.platform.asset_manifest"
local names = require "moonherd.platform.names"
local sleep = require("moonherd._task").sleep
local tokens = require "moonherd.platform.asset_tokens"

local M = {}

-- What a client sends in one request. Bytes as the service has it; files, so that many small ones
-- are sent over several connections at once.
local BUCKET_SIZE = 50 * 1024 * 1024
local BUCKET_FILES = 1000

-- The namespace; the script need not be there yet.
local function find_namespace(call)
  local row = call.store:find_namespace(lookup.namespace(call))
  if not row then
    errors.refuse(100119)
  elseif not names.is_valid(call.parameters.script) then
    errors.refuse(10016)
  end
  return row
end

-- The hashes of the assets that are missing, in groups, as JSON text. A hash has nothing in it that
-- JSON escapes.
local function buckets(missing)
  local list, bucket, total = {}, {}, 0
  local function close()
    if bucket[1] then
      list[#list + 1] = '["' .. table.concat(bucket, '","') .. '"]'
      sleep(0)
    end
    bucket, total = {}, 0
  end
  for digest, size in missing:gmatch "(%w+) (%d+)" do
    size = math.tointeger(size)
    if total + size > BUCKET_SIZE or #bucket == BUCKET_FILES then
      close()
    end
    bucket[#bucket + 1] = digest
    total = total + size
  end
  close()
  return "[" .. table.concat(list, ",") .. "]"
end

--- POST assets-upload-session
function M.open(call)
  local namespace = find_namespace(call)
  local batches = manifest.read(call)
  local now = clock.wall()
  local session = {
    session = hash.hex(hash.random(16)),
    namespace_id = namespace.id,
    namespace_uuid = namespace.uuid,
    script = call.parameters.script,
    keep_until = now + tokens.KEPT,
  }
  local missing = call.store:open_asset_session(session, batches)
  if not missing then
    errors.refuse(100119)
  end
  local token = tokens.issue(call.platform.key, missing == "" and "completion" or "upload", {
    acc = call.parameters.account,
    ns = namespace.uuid,
    script = session.script,
    sid = session.session,
  }, now)
  return ('{"jwt":"%s","buckets":%s}'):format(token, buckets(missing))
end

return M
