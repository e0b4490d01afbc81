-- The files of a site: those of a folder and those given as bytes, with the type each is served
-- with and its hash. What may not be uploaded is refused by name. Sends nothing.
--
-- A file: {path="/a b/x.html", source="dist/a b/x.html" or content="…", type=, suffix=, size=,
-- hash=}
local async = require "moonherd.async"
local errors = require "moonherd.error"
local fs = require "moonherd.fs"
local hashes = require "moonherd.cloudflare.asset_hash"
local ignore = require "moonherd.cloudflare.asset_ignore"
local log = require "moonherd._log"
local paths = require "moonherd._paths"
local types = require "moonherd.cloudflare.asset_types"

local M = {}

local LARGEST_FILE <const> = hashes.LARGEST_FILE
local MOST_FILES <const> = 100000
local LARGEST_TEXT <const> = 1 << 20 -- of _headers and _redirects

-- Names as people can read them in a message, whatever bytes they have.
local function shown(name)
  local odd = utf8.len(name) and "%c" or "[%c\x80-\xFF]"
  return (name:gsub(odd, function (c) return ("\\x%02X"):format(c:byte()) end))
end

local function refuse(who, reason, path, format, ...)
  errors.raise {
    kind = "usage", reason = reason, path = path,
    message = ("%s: asset '%s' %s"):format(who, shown(path), format:format(...)),
  }
end

-- All fields at once: a table that grows is made several times.
local function file_of(path, size, source, changed, content, given_type)
  local extension = types.extension(path)
  return {
    path = path, size = size, source = source, changed = changed, content = content,
    type = given_type or types.of(extension), suffix = hashes.suffix_of(extension, given_type),
    hash = nil,
  }
end

-- ---- the files of a folder ---------------------------------------------------------------------

-- The text of a file that may be missing.
local function read_text(path)
  local text, err = async.try(fs.read, path, { max = LARGEST_TEXT })
  if not text and err.reason ~= "not_found" then error(err, 0) end
  return text
end

-- Links are followed within the folder: what it holds is public, what is outside of it is not.
local function check_link(entry, root, who)
  if entry.type == "link" then
    refuse(who, "bad_link", entry.name, "is a link that leads nowhere, or to a folder it is in")
  end
  local target = fs.realpath(entry.path)
  if target:sub(1, #root + 1) ~= root .. "/" then
    refuse(who, "bad_link", entry.name, "is a link that leads out of the folder, to %s", target)
  end
end

-- Paths of URLs are UTF-8, and the API takes none with control characters.
local function check_name(name, who)
  if not utf8.len(name) then refuse(who, "bad_name", name, "has a name that is not UTF-8") end
  if name:find "%c" then refuse(who, "bad_name", name, "has a control character in its name") end
end

local function check_entry(entry, root, who)
  check_name(entry.name, who)
  if entry.is_link or entry.type == "link" then check_link(entry, root, who) end
  if entry.type ~= "file" and entry.type ~= "directory" then
    refuse(who, "not_a_file", entry.name, "is a %s, not a file", entry.type)
  end
  if entry.size > LARGEST_FILE then
    refuse(who, "too_large", entry.name, "has %d bytes; the most are %d (25 MiB)", entry.size,
      LARGEST_FILE)
  end
end

-- Seldom meant for visitors, but uploaded by wrangler and so by us. Said once, at the top.
local PRIVATE = {
  [".git"] = true, [".env"] = true, [".dev.vars"] = true, [".wrangler"] = true, node_modules = true,
}

local function warn_of(name, is_ignored, who)
  if is_ignored and name == "_worker.js" then
    log.write("warn", who .. ": '_worker.js' is code of Pages, not an asset; it is left out")
  elseif not is_ignored and PRIVATE[name] then
    log.write("warn", ("%s: '%s' will be public; name it in .assetsignore"):format(who, name))
  end
end

local function add_folder(site, dir, who)
  local root = fs.realpath(dir)
  if root == "/" then root = "" end
  local is_ignored = ignore.read(read_text(fs.join(dir, ignore.FILE)))
  local function enter(entry) return not is_ignored(entry.name, true) end
  for entry in fs.walk(dir, { enter = enter }) do
    local is_left_out = is_ignored(entry.name, entry.type == "directory")
    warn_of(entry.name, is_left_out, who)
    if not is_left_out then
      check_entry(entry, root, who)
      if entry.type == "file" then
        site:add(file_of("/" .. entry.name, entry.size, entry.path, entry.changed), who)
      end
    end
  end
  site.headers = read_text(fs.join(dir, "_headers"))
  site.redirects = read_text(fs.join(dir, "_redirects"))
end

-- ---- files given as bytes ----------------------------------------------------------------------

local FIELDS = { content = "string", type = "string" }

local function check_path(path, who)
  if type(path) ~= "string" then
    errors.usage("%s: bad option 'files' (paths are strings, got %s)", who, type(path))
  end
  check_name(path, who)
  if path:sub(1, 1) ~= "/" or path == "/" or (path .. "/"):find "/%.?%.?/" then
    refuse(who, "bad_name", path, "needs a path such as '/index.html', without '.' and '..'")
  end
end

local function check_bytes(path, given, who)
  if type(given) == "string" then return { content = given } end
  if type(given) ~= "table" or given.content == nil then
    errors.usage("%s: asset '%s' is bytes or {content=, type=}, got %s", who, path,
      type(given) == "table" and "a table without content" or type(given))
  end
  for field, value in pairs(given) do
    if type(value) ~= FIELDS[field] then
      errors.usage("%s: asset '%s': bad field '%s' (fields are content and type, strings)",
        who, path, tostring(field))
    end
  end
  if given.type and not given.type:find "^[%w.+-]+/[%w.+-]+[^%c]*$" then
    errors.usage("%s: asset '%s': 'type' is a content type such as text/css, got %q", who, path,
      given.type)
  end
  return given
end

local function add_bytes(site, files, who)
  for path, value in pairs(files) do
    check_path(path, who)
    local given = check_bytes(path, value, who)
    local size = #given.content
    if size > LARGEST_FILE then
      refuse(who, "too_large", path, "has %d bytes; the most are %d", size, LARGEST_FILE)
    end
    site:add(file_of(path, size, nil, nil, given.content, given.type), who)
  end
end

-- ---- the site ----------------------------------------------------------------------------------

local Site = {}
Site.__index = Site

--- Adds a file. A later one takes the place of an earlier one of the same path.
---@param file table
---@param who string  the public name of the function
---@error usage too_many_assets  above 100,000
function Site:add(file, who)
  local at = self.at[file.path]
  if not at then
    at = #self.files + 1
    if at > MOST_FILES then
      refuse(who, "too_many_assets", file.path, "is one too many; a script may have %d", MOST_FILES)
    end
    self.at[file.path] = at
  end
  self.files[at] = file
end

--- What an upload session is opened with.
---@return table manifest  path = {hash=, size=}
function Site:manifest()
  local manifest = {}
  for _, file in ipairs(self.files) do
    manifest[file.path] = { hash = file.hash, size = file.size }
  end
  return manifest
end

--- Reads a site: finds its files and hashes them, several at once, off the loop thread.
---@async
---@param opts table  {dir=, files={path = bytes | {content=, type=}}, salt=}
---@param who string  the public name of the function
---@return table site  {files=, by_hash=, prefix=, headers=, redirects=}: `prefix` is what hashes
---  begin with, `headers` and `redirects` are the texts of _headers and _redirects of the folder
function M.read(opts, who)
  local site = setmetatable({
    files = {}, at = {}, by_hash = {}, prefix = hashes.prefix_of(opts.salt),
  }, Site)
  if opts.dir then add_folder(site, paths.find(opts.dir, "dir", who), who) end
  if opts.files then add_bytes(site, opts.files, who) end
  if #site.files == 0 then
    errors.usage("%s: there are no assets%s (assets = false removes those of a script)", who,
      opts.dir and (" in folder '%s'"):format(opts.dir) or "")
  end
  hashes.add(site.files, site.prefix)
  for _, file in ipairs(site.files) do site.by_hash[file.hash] = file end
  return site
end

return M
