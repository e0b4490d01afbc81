-- Takes the files of one upload request as they arrive, and gives them to the store. Small files
-- are gathered and stored together; of a large one the blocks are stored while it arrives, so that
-- it never is one Lua string.

local base64_stream = require "moonherd.platform.base64_stream"
local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local manifest = require "moonherd.platform.asset_manifest"
local parts = require "moonherd.platform.parts"

local M = {}

local BLOCK = parts.BLOCK
local GATHERED_SIZE = 512 * 1024 -- bytes of small files stored together
local GATHERED_FILES = 128
local NO_TYPE = "application/null" -- what clients send for a file to be served without a type

local Sink = {}
Sink.__index = Sink

--- Makes a sink for one request. `is_base64` tells how files are written in it.
function M.new(call, set_id, is_base64)
  return setmetatable({
    store = call.store,
    set_id = set_id,
    is_base64 = is_base64,
    gathered = {}, -- files that are complete and not stored yet
    gathered_size = 0,
    count = 0,
  }, Sink)
end

local function refuse_unknown(digest)
  errors.invalid(("The manifest of this session has no asset with hash '%s'"):format(digest))
end

local function refuse_size(file, expected)
  local message = "Asset '%s' has %d bytes in the manifest, and %s were sent"
  local sent = file.size > expected and "more" or tostring(file.size)
  errors.invalid(message:format(file.hash, expected, sent))
end

-- ---- one file -----------------------------------------------------------------------------------

--- Begins a file. `content_type` is what it is served with, nil for none.
function Sink:begin(digest, content_type)
  if not manifest.is_hash(digest) then
    errors.invalid "A part of the upload is not named by the hash of an asset"
  end
  parts.check_text(content_type)
  self.count = self.count + 1
  self.file = {
    hash = digest,
    type = content_type ~= "" and content_type ~= NO_TYPE and content_type or nil,
    size = 0,
    pieces = {},
    pending = 0, -- bytes in `pieces`
    asset = nil, -- the one of the store, once the file turns out to be large
    blob = nil,
    blocks = 0,
  }
  self.base64 = self.is_base64 and base64_stream.new() or nil
end

-- A file of several blocks: from here on it is known which asset it is.
local function make_large(self, file)
  file.asset = self.store:find_assets(self.set_id, { file.hash })[file.hash]
  if not file.asset then
    refuse_unknown(file.hash)
  elseif file.asset.is_stored == 0 then
    file.blob = self.store:begin_blob(clock.wall())
  end
end

-- Of what is stored already, only the size is looked at.
local function store_block(self, file, bytes)
  if file.blob then
    local digest = hash.sha256_raw(bytes)
    self.store:append_block(file.blob, file.blocks, digest, bytes, clock.wall())
    file.blocks = file.blocks + 1
  end
end

-- Takes a block off what is pending, which is more: the block ends in the last piece.
local function take_block(file)
  local pieces = file.pieces
  local last = table.remove(pieces)
  local inside = BLOCK - (file.pending - #last)
  pieces[#pieces + 1] = last:sub(1, inside)
  file.pieces, file.pending = { last:sub(inside + 1) }, #last - inside
  return table.concat(pieces)
end

local function refuse_base64(file)
  errors.invalid(("Asset '%s' is not valid base64"):format(file.hash))
end

--- Takes a piece of the file.
function Sink:add(bytes)
  local file = self.file
  if self.base64 then
    bytes = self.base64:feed(bytes) or refuse_base64(file)
  end
  file.size = file.size + #bytes
  file.pending = file.pending + #bytes
  file.pieces[#file.pieces + 1] = bytes
  if file.pending > BLOCK and not file.asset then
    make_large(self, file)
  end
  while file.pending > BLOCK do
    store_block(self, file, take_block(file))
  end
  if file.asset and file.size > file.asset.size then
    refuse_size(file, file.asset.size)
  end
end

--- Ends the file.
function Sink:finish()
  local file = self.file
  if self.base64 and not self.base64:is_whole() then
    refuse_base64(file)
  end
  local bytes = table.concat(file.pieces)
  file.pieces = nil
  if file.asset then
    store_block(self, file, bytes)
  else
    file.content = bytes
    self.gathered_size = self.gathered_size + #bytes
  end
  self.gathered[#self.gathered + 1] = file
  if self.gathered_size >= GATHERED_SIZE or #self.gathered == GATHERED_FILES then
    self:flush()
  end
end

--- Takes an event of a multipart reader.
function Sink:take(kind, value)
  if kind == "part" then
    self:begin(value.name, value.content_type)
  elseif kind == "data" then
    self:add(value)
  else
    self:finish()
  end
end

-- ---- all of them --------------------------------------------------------------------------------

local function hashes_of(files)
  local list = {}
  for i, file in ipairs(files) do
    list[i] = file.hash
  end
  return list
end

--- Stores what has been gathered. Returns how many assets the session lacks then.
function Sink:flush()
  local assets = self.store:find_assets(self.set_id, hashes_of(self.gathered))
  for _, file in ipairs(self.gathered) do
    local asset = assets[file.hash] or refuse_unknown(file.hash)
    if file.size ~= asset.size then
      refuse_size(file, asset.size)
    end
    file.id = asset.id
  end
  local missing = self.store:store_assets(self.set_id, self.gathered)
  self.gathered, self.gathered_size = {}, 0
  return missing
end

return M
