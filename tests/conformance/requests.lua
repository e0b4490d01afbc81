-- Pieces of requests that many cases share: the source of a small Worker, and forms of uploads.

local M = {}

M.ESM = "application/javascript+module"
M.SOURCE = "export default { fetch() { return new Response('ok') } }\n"
M.CLASSIC = "addEventListener('fetch', (event) => event.respondWith(new Response('ok')))\n"

--- A part of a form that is a module.
function M.file(name, content, content_type)
  return { name = name, filename = name, type = content_type or M.ESM,
    content = content or M.SOURCE }
end

--- The part that holds the metadata, as wrangler sends it.
function M.metadata(metadata)
  return { name = "metadata", json = metadata }
end

--- An upload: metadata (main_module is added unless it names an entry), and the files; default: one
--- small module.
function M.upload(metadata, files)
  files = files or { M.file "index.js" }
  local copy = {}
  for name, value in pairs(metadata or {}) do copy[name] = value end
  if files[1] and not (copy.main_module or copy.body_part) then
    copy.main_module = files[1].filename
  end
  return table.move(files, 1, #files, 2, { M.metadata(copy) })
end

--- The step that uploads: `{ "PUT SCR", form = … }`. `query` begins with "?".
function M.put(metadata, files, expect, query)
  return { "PUT SCR" .. (query or ""), form = M.upload(metadata, files), expect = expect }
end

--- The step that patches settings, in the documented form.
function M.patch(settings, expect)
  return {
    "PATCH SCR/settings",
    form = { { name = "settings", type = "application/json", json = settings } },
    expect = expect,
  }
end

--- A step that reads, and what its result should be.
function M.get(path, result)
  return { "GET " .. path, expect = { result = result } }
end

return M
