-- Reads the body of an upload into parts. What is large never becomes one Lua string: its blocks go
-- to the store while they arrive, and the part remembers the blob.
--
-- A part's digest is the SHA-256 of its bytes, or for one of several blocks that of the blocks'
-- digests one after another: equal bytes have equal digests either way.

local clock = require "moonherd._clock"
local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local multipart = require "moonherd.multipart"
local too_large = require("moonherd.platform.call").too_large

local M = {}

-- Bytes of a block; multipart.reader cuts large parts into these too.
M.BLOCK = 256 * 1024
M.BODY_LIMIT = 100 * 1024 * 1024
local BLOCK, BODY_LIMIT = M.BLOCK, M.BODY_LIMIT

local INLINE_LIMIT = 1024 * 1024 -- bytes of one upload that may stay in memory
local METADATA_LIMIT = 1024 * 1024
local WORKER_LIMIT = 64 * 1024 * 1024 -- bytes of all modules, as they are
local KEPT_WHOLE = { metadata = true, settings = true }

local Collector = {}
Collector.__index = Collector

local function new_collector(call)
  return setmetatable({ call = call, parts = {}, size = 0, inline = 0 }, Collector)
end

--- Refuses a name or content type that cannot be shown: they end up in headers, in JSON and on
--- terminals.
function M.check_text(text)
  if text and (text:find "%c" or not utf8.len(text)) then
    errors.invalid "Part names and content types must be UTF-8 without control characters"
  end
end
local check_text = M.check_text

function Collector:begin(name, filename, content_type)
  check_text(name)
  check_text(filename)
  check_text(content_type)
  local part = { name = name, filename = filename, type = content_type, size = 0 }
  self.parts[#self.parts + 1] = part
  self.part, self.pieces, self.digests = part, {}, {}
end

function Collector:store_block(bytes)
  local part, digests, now = self.part, self.digests, clock.wall()
  local digest = hash.sha256_raw(bytes)
  part.blob = part.blob or self.call.store:begin_blob(now)
  self.call.store:append_block(part.blob, #digests, digest, bytes, now)
  digests[#digests + 1] = digest
end

-- One piece of the part: all of it, or when `is_large` a block of it.
function Collector:add(bytes, is_large)
  self.part.size = self.part.size + #bytes
  self.size = self.size + #bytes
  if KEPT_WHOLE[self.part.name] then
    if self.part.size > METADATA_LIMIT then
      too_large(METADATA_LIMIT)
    end
    self.pieces[#self.pieces + 1] = bytes
  elseif self.size > WORKER_LIMIT then
    too_large(WORKER_LIMIT)
  elseif is_large or self.inline + #bytes > INLINE_LIMIT then
    self:store_block(bytes)
  else
    self.inline = self.inline + #bytes
    self.pieces[#self.pieces + 1] = bytes
  end
end

function Collector:finish()
  local part = self.part
  if part.blob then
    local is_one = #self.digests == 1
    part.digest = is_one and self.digests[1] or hash.sha256_raw(table.concat(self.digests))
  else
    part.content = self.pieces[2] and table.concat(self.pieces) or self.pieces[1] or ""
    part.digest = not KEPT_WHOLE[part.name] and hash.sha256_raw(part.content) or nil
  end
end

local function refuse_multipart(failure)
  if failure.reason == "too_large" then
    too_large(BODY_LIMIT)
  end
  errors.refuse(10026)
end

function Collector:take(kind, value, is_large)
  if kind == "part" then
    self:begin(value.name, value.filename, value.content_type)
  elseif kind == "data" then
    self:add(value, is_large)
  else
    self:finish()
  end
end

-- Hands on what the reader has got so far.
local function drain(reader, taker)
  local kind, value, is_large = reader:next()
  while kind do
    taker:take(kind, value, is_large)
    kind, value, is_large = reader:next()
  end
  if value then
    refuse_multipart(value)
  end
end

--- Reads a multipart body. Its events go to `taker:take(kind, value, is_large)` as they come, large
--- parts in pieces of `piece` bytes, or of a block.
function M.read(call, taker, piece)
  local limits = { max_total = BODY_LIMIT, inline_max = piece, block = piece }
  local reader, failure = multipart.reader(call.headers["content-type"], limits)
  if not reader then
    refuse_multipart(failure)
  end
  for chunk in call:chunks(BODY_LIMIT) do
    reader:feed(chunk)
    drain(reader, taker)
  end
  reader:finish()
  drain(reader, taker)
end

--- Reads a multipart body into a list of parts.
function M.form(call)
  local collector = new_collector(call)
  M.read(call, collector)
  return collector.parts
end

-- Cuts what has gathered into blocks, keeping the rest.
local function cut_blocks(collector, pieces)
  local bytes = table.concat(pieces)
  local at = 1
  while #bytes - at >= BLOCK do
    collector:add(bytes:sub(at, at + BLOCK - 1), true)
    at = at + BLOCK
  end
  return { bytes:sub(at) }
end

--- Reads a body that is one file into a part of the given name and content type; `head` is how it
--- begins.
function M.raw(call, name, content_type)
  local collector, pieces, gathered = new_collector(call), {}, 0
  collector:begin(name, nil, content_type)
  for chunk in call:chunks(BODY_LIMIT) do
    collector.part.head = collector.part.head or chunk
    pieces[#pieces + 1] = chunk
    gathered = gathered + #chunk
    if gathered > BLOCK then
      pieces = cut_blocks(collector, pieces)
      gathered = #pieces[1]
    end
  end
  collector:add(table.concat(pieces), collector.part.blob ~= nil)
  collector:finish()
  return collector.parts[1]
end

return M
