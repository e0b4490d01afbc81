-- Uploads that are refused, and leave things as they were: contract §1.6, §5.5, §5.6. What bindings
-- are refused for stands in metadata.lua.

local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local ESM, SOURCE = requests.ESM, requests.SOURCE
local file, put, upload = requests.file, requests.put, requests.upload

local function invalid(pointer)
  return { code = 10021, errors = { { source = pointer and { pointer = pointer } } } }
end

local function send(parts, expect)
  return { "PUT SCR", form = parts, expect = expect }
end

local function long_source(bytes)
  return "export default { fetch() {} }\n//" .. ("x"):rep(bytes)
end

return { {
  operation = "PUT SCR: refusals",
  {
    name = "a name of 255 bytes, and a longer one",
    source = "§1.11",
    live = false, -- the limit is the emulator's
    { "PUT NS/scripts/" .. ("x"):rep(255), form = upload() },
    { "PUT NS/scripts/" .. ("x"):rep(256), form = upload(), expect = { code = 10016 } },
  },
  {
    name = "metadata that is not JSON",
    source = "§1.6",
    send({ { name = "metadata", content = "{" }, file "index.js" }, { code = 10026 }),
    send({ { name = "metadata", content = "" }, file "index.js" }, { code = 10026 }),
  },
  {
    name = "a form that is broken",
    source = "§1.6",
    { "PUT SCR", body = "x", type = "multipart/form-data; boundary=b", expect = { code = 10026 } },
    { "PUT SCR", body = "x", type = "multipart/form-data", expect = { code = 10026 } },
    { "PUT SCR", body = '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}',
      type = "multipart/form-data; boundary=b", expect = { code = 10026 } },
  },
  {
    name = "another type of content",
    source = "§1.6",
    { "PUT SCR", body = "{}", type = "application/json", expect = { code = 10001 } },
    { "PUT SCR", body = SOURCE, type = "text/plain", expect = { code = 10001 } },
  },
  {
    name = "an empty main module has no handlers",
    source = "§5.6",
    put(nil, { file("index.js", "") }, { code = 10068,
      errors = { { message = "The uploaded script has no registered event handlers." } } }),
  },
  {
    name = "a Worker over the size limit",
    source = "§1.6, §1.11",
    live = false, -- sends 65 MiB
    put(nil, { { name = "index.js", filename = "index.js", type = ESM, exact = true,
      content = long_source(65 * 1024 * 1024) } }, { code = 10027 }),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "metadata of the wrong type",
    source = "§1.5, §12.1",
    put({ bindings = "none" }, nil, invalid "/bindings"),
    put({ bindings = { "none" } }, nil, invalid "/bindings/0"),
    put({ compatibility_date = 20260101 }, nil, invalid "/compatibility_date"),
    put({ compatibility_date = "yesterday" }, nil, invalid "/compatibility_date"),
    put({ compatibility_flags = "nodejs_compat" }, nil, invalid "/compatibility_flags"),
    put({ keep_bindings = true }, nil, { code = 10021, errors = { {
      message = match.pattern "array", source = { pointer = "/keep_bindings" } } } }),
    put({ keep_bindings = { 5 } }, nil, { code = 10021 }),
    put({ body_part = 5 }, nil, invalid "/body_part"),
    put({ limits = 5 }, nil, invalid "/limits"),
    put({ limits = { cpu_ms = "many" } }, nil, invalid "/limits/cpu_ms"),
    put({ logpush = "yes" }, nil, invalid "/logpush"),
    put({ main_module = 5 }, nil, invalid "/main_module"),
    put({ migrations = "v1" }, nil, invalid "/migrations"),
    put({ observability = true }, nil, invalid "/observability"),
    put({ observability = { enabled = "yes" } }, nil, invalid "/observability/enabled"),
    put({ observability = { head_sampling_rate = 2 } }, nil,
      invalid "/observability/head_sampling_rate"),
    put({ observability = { logs = { destinations = "x" } } }, nil,
      invalid "/observability/logs/destinations"),
    put({ placement = "smart" }, nil, invalid "/placement"),
    put({ placement = { mode = "clever" } }, nil, invalid "/placement/mode"),
    put({ tags = "a" }, nil, invalid "/tags"),
    put({ tags = { 5 } }, nil, invalid "/tags/0"),
    put({ tail_consumers = "x" }, nil, invalid "/tail_consumers"),
    put({ tail_consumers = { { service = 5 } } }, nil, invalid "/tail_consumers/0/service"),
    put({ streaming_tail_consumers = "x" }, nil, invalid "/streaming_tail_consumers"),
    put({ annotations = "x" }, nil, invalid "/annotations"),
    put({ migrations = { new_classes = "Room" } }, nil, invalid "/migrations/new_classes"),
    put({ migrations = { steps = { 5 } } }, nil, invalid "/migrations/steps/0"),
    put({ usage_model = "free" }, nil, invalid "/usage_model"),
    put({ assets = "x" }, nil, invalid "/assets"),
    put({ assets = { jwt = 5 } }, nil, invalid "/assets/jwt"),
    put({ keep_assets = "x" }, nil, invalid "/keep_assets"),
    put({ exports = "x" }, nil, invalid "/exports"),
    put({ cache_options = { enabled = "x" } }, nil, invalid "/cache_options/enabled"),
    { "GET SCR", expect = { code = 10092 } },
  },
  {
    name = "what is refused leaves the script as it was",
    source = "§1.6",
    needs = { script = { tags = { "a" } } },
    { "GET SCR", expect = { result = { script = match.save "script_before" } } },
    put({ tags = { "b" }, logpush = "yes" }, { file("new.js", SOURCE) }, { code = 10021 }),
    put({ tags = { "b" }, main_module = "x.js" }, { file("new.js", SOURCE) }, { code = 10021 }),
    { "GET SCR", expect = { result = { script = "{script_before}" } } },
    { "GET SCR/content", expect = { parts = { { name = "index.js", content = SOURCE } } } },
  },
  {
    name = "tags: too many, too large, with what a filter could not say",
    source = "§10",
    put({ tags = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11" } }, nil,
      { code = 10021, status = 403, errors = { { message =
        "You have exceeded the limit of 10 tags per Worker. Remove a tag to add another." } } }),
    put({ tags = { ("x"):rep(1025) } }, nil,
      { code = 10021, errors = { { message = "Tag is too large" } } }),
    put({ tags = { "a,b" } }, nil, { code = 10021 }),
    put({ tags = { "" } }, nil, { code = 10021 }),
  },
} }
