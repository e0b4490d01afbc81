-- From the parts of a request to a Worker's code: which part is the metadata, which one is the
-- entry, what each module is called. Clients disagree about all three (names, filenames, folders);
-- contract §5.3 lists them.
--
-- A part has name, filename, type (its content type), size, digest, and content or blob.

local binding_of = require "moonherd.platform.binding"
local errors = require "moonherd.platform.errors"
local hash = require "moonherd.hash"
local metadata_of = require "moonherd.platform.metadata"
local sdk_bodies = require "moonherd.platform.sdk_bodies"
local shape = require "moonherd.platform.shape"

local M = {}

local SOURCE_MAP = "application/source-map"
local DEFAULT_TYPE = "application/octet-stream"

-- Anchored: a search for what ends the path takes time in the square of the length.
local function base_name(path)
  return path:match "^.*/(.*)$" or path
end

-- curl and the official SDK strip the folders of a filename; the part's name then still has them.
local function module_name(part)
  local filename = part.filename
  if not filename or filename == "" then
    return part.name
  elseif part.name:sub(-#filename - 1) == "/" .. filename then
    return part.name
  end
  return filename
end

local function first_by(parts, field, value)
  for _, part in ipairs(parts) do
    if part[field] == value then
      return part
    end
  end
end

-- The only part whose filename is the last segment of a path.
local function only_by_base_name(parts, path)
  local name, found = base_name(path), nil
  for _, part in ipairs(parts) do
    if part.filename == name then
      if found then
        return nil
      end
      found = part
    end
  end
  return found
end

local function find_entry(parts, name)
  return first_by(parts, "filename", name)
    or first_by(parts, "name", name)
    or only_by_base_name(parts, name)
end

-- The first part of each name, and behind that of each filename: there may be thousands of either.
local function index(parts)
  local found = {}
  for _, field in ipairs { "name", "filename" } do
    for _, part in ipairs(parts) do
      local value = part[field]
      if value then
        found[value] = found[value] or part
      end
    end
  end
  return found
end

--- Refuses a form whose metadata or settings are flattened into fields such as
--- `metadata[main_module]`.
function M.refuse_flattened(field, call)
  local part = field:match "^[^%[]*"
  sdk_bodies.log(call, ("%s flattened into fields such as `%s`"):format(part, field), part)
  errors.invalid(("The request has no `%s` part"):format(part), "/" .. part)
end

--- Sorts the parts of a form: the metadata (nil without such a part), the files, and the name of
--- the first field of flattened metadata, which is none of either.
function M.split(parts)
  local metadata, files, flattened = nil, {}, nil
  for _, part in ipairs(parts) do
    if part.name:find "^metadata%[" then
      flattened = flattened or part.name
    elseif part.name ~= "metadata" then
      files[#files + 1] = part
    elseif metadata then
      errors.invalid("The request has more than one `metadata` part", "/metadata")
    else
      metadata = part
    end
  end
  return metadata and metadata_of.read(metadata.content), files, flattened
end

-- Marks the parts that bindings refer to, and has each binding name its part by the part's name.
local function bind_parts(files, bindings)
  local by_name = index(files)
  for i, binding in ipairs(bindings) do
    if shape.is_object(binding) and binding_of.has_part(binding) then
      local part = by_name[binding.part]
      if not part then
        local message = ("No such part \"%s\"."):format(binding.part)
        errors.invalid(message, ("/bindings/%d/part"):format(i - 1))
      end
      part.is_bound, binding.part = true, part.name
    end
  end
end

-- A content type without parameters; text and application JavaScript are one type under two names.
local function canonical(content_type)
  local bare = content_type:lower():match "^[^;%s]*"
  return (bare:gsub("^text/javascript", "application/javascript"))
end

local function warn_about_type(entry, kind, call)
  if kind == "module" and canonical(entry.type) == "application/javascript" then
    local message = "The main module '%s' was sent as %s; for ES modules it is %s+module"
    call:warn(message:format(entry.name, entry.type, "application/javascript"))
  end
end

local function check_names(modules)
  local seen = {}
  for _, module in ipairs(modules) do
    if module.name == "" then
      errors.invalid "A file of the upload has no name"
    elseif seen[module.name] and not module.is_bound then
      errors.invalid(("Module '%s' is there more than once"):format(module.name))
    end
    seen[module.name] = seen[module.name] or not module.is_bound
  end
end

-- The parts as modules, the entry first; the others in the order they came.
local function name_modules(files, entry)
  local modules = {}
  for _, part in ipairs(files) do
    local module = {
      name = part.is_bound and part.name or module_name(part),
      type = part.type or DEFAULT_TYPE,
      size = part.size,
      digest = part.digest,
      content = part.content,
      blob = part.blob,
      is_bound = part.is_bound or false,
    }
    table.insert(modules, part == entry and 1 or #modules + 1, module)
  end
  check_names(modules)
  return modules
end

--- The digest of a Worker's code: a SHA-256 over the kind, the entry, and every module's name, type
--- and bytes. The order of the modules, source maps and the parts of bindings make no difference.
function M.etag(code)
  local lines = {}
  for _, module in ipairs(code.modules) do
    if not module.is_map and not module.is_bound then
      lines[#lines + 1] = string.pack("<s4s4s4", module.name, canonical(module.type), module.digest)
    end
  end
  table.sort(lines)
  return hash.sha256(string.pack("<s4s4", code.kind, code.entry) .. table.concat(lines))
end

local function make_code(files, entry, kind, call)
  local modules = name_modules(files, entry)
  for _, module in ipairs(modules) do
    module.is_map = canonical(module.type) == SOURCE_MAP
  end
  local code = { kind = kind, entry = modules[1].name, modules = modules }
  warn_about_type(modules[1], kind, call)
  code.etag = M.etag(code)
  return code
end

local function refuse_missing(name, pointer)
  errors.invalid(('No such module "%s".'):format(name), pointer)
end

--- What the metadata names as the entry: its kind, name and field.
function M.named_entry(metadata, call)
  local main, body = metadata.main_module, metadata.body_part
  if not shape.is_absent(main) then
    if not shape.is_absent(body) then
      call:warn("`main_module` and `body_part` are both given: `main_module` is used", "/body_part")
    end
    return "module", main, "/main_module"
  elseif not shape.is_absent(body) then
    return "service_worker", body, "/body_part"
  end
end

--- The code of an upload, or nil when it has none and keeps what is there: no files, and no entry
--- named other than `current` (the live code, or nil).
function M.code(metadata, files, current, call)
  local kind, name, pointer = M.named_entry(metadata, call)
  if not files[1] then
    if name and not (current and current.kind == kind and current.entry == name) then
      refuse_missing(name, pointer)
    end
    return nil
  elseif not name then
    errors.invalid("The metadata names neither a `main_module` nor a `body_part`", "/main_module")
  end
  local entry = find_entry(files, name)
  if not entry then
    refuse_missing(name, pointer)
  end
  bind_parts(files, shape.is_absent(metadata.bindings) and {} or metadata.bindings)
  entry.is_bound = false
  return make_code(files, entry, kind, call)
end

--- The code of a content upload. `name` is that of a part when a header gave it (`is_part_name`),
--- else the metadata's.
function M.content(kind, name, is_part_name, files, call)
  local entry = is_part_name and first_by(files, "name", name) or find_entry(files, name)
  if not entry then
    refuse_missing(name)
  end
  return make_code(files, entry, kind, call)
end

--- The code of a raw JavaScript body, which is a service worker.
function M.raw(part, call)
  return make_code({ part }, part, "service_worker", call)
end

return M
