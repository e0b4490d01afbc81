-- The hash that names an asset: the first half of a SHA-256 over salt, bytes and extension. Files
-- are hashed off the loop thread, many in one job and several jobs at once.
local async = require "moonherd.async"
local hash = require "moonherd.hash"
local pack = require "moonherd._pack"

local M = {}

--- Bytes that a file may have.
M.LARGEST_FILE = 25 << 20

local BATCH_BYTES <const>, BATCH_FILES <const> = 1 << 20, 256 -- of one job
local BATCHES_AT_ONCE <const> = 4
local DIGITS <const> = 32

--- What goes into every hash in front of the bytes. Scripts of one namespace share files of equal
--- hash; the zero byte keeps one script's salt from continuing in another's bytes.
---@param salt? string
---@return string prefix
function M.prefix_of(salt)
  return (salt or "") .. "\0"
end

--- What goes into a hash behind the bytes, as a hash has one content type. The last dot tells where
--- it begins, so that no bytes can stand for it; a type that was given has its dots taken out.
---@param extension string
---@param given_type? string  a content type that does not follow from the extension
---@return string suffix
function M.suffix_of(extension, given_type)
  return "." .. (given_type and given_type:gsub("%.", " ") or extension)
end

-- The files with a source, in lists that are worth a job each.
local function batches_of(files)
  local batches, batch, bytes = {}, nil, 0
  for _, file in ipairs(files) do
    if file.source then
      if not batch or bytes > BATCH_BYTES or #batch >= BATCH_FILES then
        batch, bytes = {}, 0
        batches[#batches + 1] = batch
      end
      batch[#batch + 1] = file
      bytes = bytes + file.size
    end
  end
  return batches
end

local function hash_sources(files, prefix)
  async.map(batches_of(files), { concurrency = BATCHES_AT_ONCE }, function (batch)
    local list = {}
    for i, file in ipairs(batch) do list[2 * i - 1], list[2 * i] = file.source, file.suffix end
    local found, err = pack.hash(prefix, M.LARGEST_FILE, list)
    if not found then error(err, 0) end
    for i, file in ipairs(batch) do file.hash, file.size = found[2 * i - 1], found[2 * i] end
  end)
end

local function hash_bytes(files, prefix)
  for _, file in ipairs(files) do
    if file.content then
      local h = hash.new():update(prefix):update(file.content):update(file.suffix)
      file.hash = h:hex():sub(1, DIGITS)
    end
  end
end

--- Hashes files.
---@async
---@param files table[]  with source or content, size, suffix; get `hash`, and the size as read
---@param prefix string
function M.add(files, prefix)
  hash_sources(files, prefix)
  hash_bytes(files, prefix)
end

return M
