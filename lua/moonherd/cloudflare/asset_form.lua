-- The form that carries one bucket of files: a part a file, named by its hash, its bytes in base64.
-- It is produced while it is sent, so that a bucket is never held as a whole, and every file is
-- hashed again on the way: what is sent is what the manifest says, or nothing is.
local errors = require "moonherd.error"
local hashes = require "moonherd.hash"
local multipart = require "moonherd.multipart"
local pack = require "moonherd._pack"

local M = {}

local HINT = "something writes to the folder; let it finish, then upload again"

-- What stands between the files, and the content type of the form.
local function lay_out(files)
  local parts = {}
  for i, file in ipairs(files) do
    parts[i] = { name = file.hash, filename = file.hash, content_type = file.type, content = "" }
  end
  return multipart.encode(parts)
end

-- What moonherd._pack takes for one file: text, path, suffix, hash, size. Bytes that are at hand
-- are part of the text.
local function fields_of(head, file)
  if file.source then return head, file.source, file.suffix, file.hash, file.size end
  return head .. hashes.base64(file.content), false, false, false, false
end

local function list_of(segments, files)
  local list = {}
  for i, file in ipairs(files) do
    local at = 5 * i - 4
    list[at], list[at + 1], list[at + 2], list[at + 3], list[at + 4] =
      fields_of(segments[2 * i - 1], file)
  end
  local tail = { segments[#segments], false, false, false, false }
  return table.move(tail, 1, 5, #list + 1, list)
end

local function producer(prefix, list)
  local reader = pack.new(prefix, list)
  return function ()
    local piece, err = reader:read()
    if not err then return piece end
    if err.reason == "file_changed" then err.hint = HINT end
    return errors.raise(err)
  end
end

--- Makes the body of one upload, for the transport.
---@param files table[]  as asset_files makes them
---@param prefix string  what their hashes begin with
---@return table body  {open=, length=, content_type=}
function M.of_files(files, prefix)
  local segments, content_type, length = lay_out(files)
  for _, file in ipairs(files) do length = length + (file.size + 2) // 3 * 4 end
  return {
    open = function () return producer(prefix, list_of(segments, files)) end,
    length = length, content_type = content_type,
  }
end

return M
