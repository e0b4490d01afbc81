-- The content type a file of a site is served with, by its extension. The API serves what it was
-- told at the upload; it guesses nothing.
local M = {}

-- What is served without a content type. Bytes of an unknown kind are not said to be anything.
local UNKNOWN = "application/null"

local EXTENSIONS = {
  ["application/atom+xml"] = "atom",
  ["application/epub+zip"] = "epub",
  ["application/geo+json"] = "geojson",
  ["application/gzip"] = "gz tgz",
  ["application/java-archive"] = "jar",
  ["application/json"] = "json map",
  ["application/ld+json"] = "jsonld",
  ["application/manifest+json"] = "webmanifest",
  ["application/msword"] = "doc",
  ["application/octet-stream"] = "bin dll dmg exe iso",
  ["application/ogg"] = "ogx",
  ["application/pdf"] = "pdf",
  ["application/rss+xml"] = "rss",
  ["application/rtf"] = "rtf",
  ["application/toml"] = "toml",
  ["application/vnd.apple.mpegurl"] = "m3u8",
  ["application/vnd.ms-excel"] = "xls",
  ["application/vnd.ms-fontobject"] = "eot",
  ["application/vnd.ms-powerpoint"] = "ppt",
  ["application/vnd.openxmlformats-officedocument.presentationml.presentation"] = "pptx",
  ["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] = "xlsx",
  ["application/vnd.openxmlformats-officedocument.wordprocessingml.document"] = "docx",
  ["application/wasm"] = "wasm",
  ["application/x-7z-compressed"] = "7z",
  ["application/x-bzip2"] = "bz2",
  ["application/x-tar"] = "tar",
  ["application/xhtml+xml"] = "xhtml",
  ["application/xml"] = "xml xsd xsl",
  ["application/zip"] = "zip",
  ["application/zstd"] = "zst",
  ["audio/aac"] = "aac",
  ["audio/flac"] = "flac",
  ["audio/midi"] = "mid midi",
  ["audio/mp4"] = "m4a",
  ["audio/mpeg"] = "mp3",
  ["audio/ogg"] = "oga ogg opus",
  ["audio/wav"] = "wav",
  ["audio/webm"] = "weba",
  ["font/collection"] = "ttc",
  ["font/otf"] = "otf",
  ["font/ttf"] = "ttf",
  ["font/woff"] = "woff",
  ["font/woff2"] = "woff2",
  ["image/apng"] = "apng",
  ["image/avif"] = "avif",
  ["image/bmp"] = "bmp",
  ["image/gif"] = "gif",
  ["image/heic"] = "heic",
  ["image/jpeg"] = "jpe jpeg jpg",
  ["image/jxl"] = "jxl",
  ["image/png"] = "png",
  ["image/svg+xml"] = "svg svgz",
  ["image/tiff"] = "tif tiff",
  ["image/webp"] = "webp",
  ["image/x-icon"] = "ico",
  ["model/gltf+json"] = "gltf",
  ["model/gltf-binary"] = "glb",
  ["text/calendar"] = "ics",
  ["text/css"] = "css",
  ["text/csv"] = "csv",
  ["text/html"] = "htm html",
  ["text/javascript"] = "cjs js mjs",
  ["text/markdown"] = "markdown md",
  ["text/plain"] = "conf log text txt",
  ["text/tab-separated-values"] = "tsv",
  ["text/vcard"] = "vcf",
  ["text/vtt"] = "vtt",
  ["text/yaml"] = "yaml yml",
  ["video/mp4"] = "m4v mp4",
  ["video/mpeg"] = "mpeg mpg",
  ["video/ogg"] = "ogv",
  ["video/quicktime"] = "mov",
  ["video/webm"] = "webm",
  ["video/x-msvideo"] = "avi",
}

-- Text is UTF-8: without the charset, browsers read it as something older.
local TYPES = {}
for content_type, extensions in pairs(EXTENSIONS) do
  local served = content_type:find "^text/" and content_type .. "; charset=utf-8" or content_type
  for extension in extensions:gmatch "%S+" do TYPES[extension] = served end
end

--- The extension of a path in lower case, without its dot; "" when there is none.
---@param path string
---@return string extension
function M.extension(path)
  return (path:match "[^/]%.([^./]*)$" or ""):lower()
end

--- The content type for an extension.
---@param extension string  as M.extension gives it
---@return string content_type  "application/null" when it is unknown: served without a type
function M.of(extension)
  return TYPES[extension] or UNKNOWN
end

return M
