-- Reads the manifest of an upload session: which files a Worker will have. A manifest may name
-- 100,000 files in 10 MB of JSON; taken in one piece it would hold the loop for a quarter of a
-- second (measured: 0.21 s to decode, 0.08 s to check), so it is taken in slices.

local errors = require "moonherd.platform.errors"
local json = require "moonherd.json"
local shape = require "moonherd.platform.shape"
local sleep = require("moonherd._task").sleep

local M = {}

local BODY_LIMIT = 32 * 1024 * 1024
local LARGEST_FILE = 25 * 1024 * 1024 -- bytes
local MOST_FILES = 100000
local LONGEST_HASH = 64 -- characters
local USUAL_HASH = "^" .. ("%x"):rep(32) .. "$"
local CHECK = shape.object({ manifest = shape.object {} }, { "manifest" })
local SLICE = 64 * 1024 -- bytes of JSON decoded at once
local BATCH = 1000 -- files checked at once

-- ---- slices -------------------------------------------------------------------------------------

-- Where the members of the manifest begin and where its closing brace is, when a text is an object
-- that holds a manifest and nothing else.
local function bounds(text)
  local first = text:match '^%s*{%s*"manifest"%s*:%s*{()'
  local tail = math.max(#text - SLICE, 1)
  local closing = first and text:sub(tail):match "()}%s*}%s*$"
  return first, closing and closing + tail - 1
end

-- The members of a manifest in several tables; nil when the text cannot be cut. It is cut where a
-- file seems to end. That may be inside a path or deeper, but then the slice is no JSON.
local function decode_slices(text)
  local at, closing = bounds(text)
  local slices = {}
  while closing and at <= closing do
    local last, next_at = text:match('()}%s*,%s*()"', at + SLICE)
    if not last or last > closing then
      last, next_at = closing - 1, closing + 1
    end
    local is_read, slice = pcall(json.decode, "{" .. text:sub(at, last) .. "}", { nulls = true })
    if not is_read then
      return nil
    end
    slices[#slices + 1] = slice
    at = next_at
    sleep(0)
  end
  return closing and slices
end

local function decode_whole(text)
  local is_read, body = pcall(json.decode, text, { nulls = true })
  if not is_read then
    errors.refuse(10026)
  end
  CHECK(body, "")
  return { body.manifest }
end

-- ---- files --------------------------------------------------------------------------------------

local Reader = {}
Reader.__index = Reader

-- The place of a file in the request; JSON pointers have names of their own for `/` and `~`.
local function pointer(path, field)
  local name = path:gsub("~", "~0"):gsub("/", "~1")
  return "/manifest/" .. name .. (field and "/" .. field or "")
end

-- Segments that a URL never has when it arrives, and that lead out of a folder.
local function has_dots(path)
  return (path .. "/"):find("/%.%.?/") ~= nil
end

local function check_path(path)
  if path:sub(1, 1) ~= "/" then
    errors.invalid("The path of an asset must start with /", pointer(path))
  elseif path:find "%c" or has_dots(path) then
    errors.invalid(
      "The path of an asset must have no control characters and no segments . and ..",
      pointer(path)
    )
  end
end

--- Whether a value is one that the hash of an asset may be.
function M.is_hash(value)
  return type(value) == "string" and #value <= LONGEST_HASH and value:find "^[0-9A-Za-z]+$" ~= nil
end

local function check_hash(value, path)
  if not M.is_hash(value) then
    errors.invalid("`hash` must be 1 to 64 letters and digits", pointer(path, "hash"))
  end
end

local function check_size(value, path)
  if math.type(value) ~= "integer" or value < 0 then
    errors.invalid("`size` must be a number of bytes", pointer(path, "size"))
  elseif value > LARGEST_FILE then
    errors.invalid("An asset has at most 25 MiB", pointer(path, "size"))
  end
end

function Reader:flush()
  if self.rows[1] then
    self.batches[#self.batches + 1] = json.encode(json.array(self.rows))
    self.rows = {}
    sleep(0)
  end
end

function Reader:add(path, file)
  check_path(path)
  if not shape.is_object(file) then
    errors.invalid("A file of the manifest must be an object", pointer(path))
  end
  local digest, size = file.hash, file.size
  check_hash(digest, path)
  check_size(size, path)
  if (self.sizes[digest] or size) ~= size then
    errors.invalid("Two files with one `hash` have different sizes", pointer(path, "hash"))
  end
  self.sizes[digest] = size
  self.unusual = self.unusual or not digest:find(USUAL_HASH) and path
  self.count = self.count + 1
  if self.count > MOST_FILES then
    errors.invalid(("A Worker has at most %d assets"):format(MOST_FILES), "/manifest")
  end
  self.rows[#self.rows + 1] = json.array { path, digest, size }
end

function Reader:add_all(files)
  for path, file in pairs(files) do
    self:add(path, file)
    if #self.rows == BATCH then
      self:flush()
    end
  end
end

--- Reads and checks the body. Returns the files as JSON texts, each a list of [path, hash, size].
--- Of files with the same path the last counts.
function M.read(call)
  local text = call:text(BODY_LIMIT)
  local slices = #text > SLICE and decode_slices(text) or decode_whole(text)
  local reader = setmetatable({ batches = {}, rows = {}, sizes = {}, count = 0 }, Reader)
  for _, files in ipairs(slices) do
    reader:add_all(files)
  end
  reader:flush()
  if reader.unusual then
    call:warn("An asset's `hash` is usually 32 hexadecimal digits", pointer(reader.unusual, "hash"))
  end
  return reader.batches
end

return M
