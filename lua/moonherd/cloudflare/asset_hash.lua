-- The hash that names an asset: the first half of a SHA-256 over salt, bytes and extension. Files
-- are hashed off the loop thread, many in one job and several jobs at once.
local async = require "moonherd.async"
local hash = require "moonherd.hash"
local pack = require "moonherd._pack"

local M = {}

--- The clock of the machine, which is that of its files: not the handle's, which may be virtual.
M.now = os.time

--- Bytes that a file may have.
M.LARGEST_FILE = 25 << 20

local BATCH_BYTES <const>, BATCH_FILES <const> = 1 << 20, 256 -- of one job
local BATCHES_AT_ONCE <const> = 4
local DIGITS <const> = 32
local MOST_KNOWN <const> = 50000 -- files
local SETTLED <const> = 2 -- seconds: a clock of a file system may be as coarse

-- Hashes without a salt, by source: {size=, changed=, suffix=, hash=}. A fleet of scripts that use
-- the same files hashes each once. What is sent is hashed again on the way.
local known, known_count = {}, 0

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

-- ---- what is known -----------------------------------------------------------------------------

-- The files that have to be read.
local function unknown_of(files)
  local left = {}
  for _, file in ipairs(files) do
    local entry = file.source and known[file.source]
    if entry and entry.changed == file.changed and entry.size == file.size
      and entry.suffix == file.suffix then
      file.hash = entry.hash
    else
      left[#left + 1] = file
    end
  end
  return left
end

-- What has been changed just now may be changed again without its time being another one.
local function remember(files, hashed_at)
  for _, file in ipairs(files) do
    if file.source and file.changed and file.changed / 1e9 < hashed_at - SETTLED then
      if known_count >= MOST_KNOWN then known, known_count = {}, 0 end
      if not known[file.source] then known_count = known_count + 1 end
      known[file.source] = {
        size = file.size, changed = file.changed, suffix = file.suffix, hash = file.hash,
      }
    end
  end
end

-- ---- hashing -----------------------------------------------------------------------------------

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
  local is_shared, began = prefix == M.prefix_of(), M.now()
  local left = is_shared and unknown_of(files) or files
  hash_sources(left, prefix)
  hash_bytes(left, prefix)
  if is_shared then remember(left, began) end
end

return M
