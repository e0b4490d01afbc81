-- Settings of a script: contract §11.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local get, patch, put = requests.get, requests.patch, requests.put
local NONE = json.array {}

local NEVER_SET = {
  bindings = NONE, compatibility_date = "2021-11-02", compatibility_flags = NONE,
  limits = match.empty_object, logpush = false, migrations = json.null,
  observability = match.exactly { enabled = false }, placement = match.empty_object,
  tags = NONE, tail_consumers = json.null, usage_model = "standard",
}

local PLAIN = { type = "plain_text", name = "VAR", text = "x" }
local SECRET = { type = "secret_text", name = "KEY", text = "value" }
local READ_SECRET = match.exactly { type = "secret_text", name = "KEY" }

-- An upload that sets everything, and a change of each field alone.
local BEFORE = {
  bindings = { PLAIN }, compatibility_date = "2026-01-01",
  compatibility_flags = { "nodejs_compat" }, limits = { cpu_ms = 50, subrequests = 10 },
  logpush = true, placement = { mode = "smart" }, tags = { "a" }, usage_model = "unbound",
  cache_options = { enabled = true },
  tail_consumers = { { service = "tail", environment = "e", namespace = "n" } },
  observability = { enabled = true, head_sampling_rate = 0.5, logs = { enabled = true,
    destinations = { "d" }, head_sampling_rate = 0.25, invocation_logs = true, persist = false } },
}

local CHANGES = {
  { "bindings", { { type = "json", name = "OTHER", json = { 1 } } } },
  { "compatibility_date", "2026-02-02" },
  { "compatibility_flags", { "a", "b" } },
  { "limits", { cpu_ms = 60 } },
  { "logpush", false },
  { "placement", { region = "aws:us-east-1" } },
  { "tags", { "b", "c" } },
  { "usage_model", "bundled" },
  { "cache_options", { enabled = false } },
  { "tail_consumers", { { service = "another" } } },
  { "tail_consumers", json.null },
  { "observability", { enabled = true, logs = { enabled = false, invocation_logs = false } } },
}

-- BEFORE with one field changed.
local function changed(name, value)
  local expected = {}
  for field, old in pairs(BEFORE) do expected[field] = old end
  expected[name] = type(value) == "table" and not json.is_array(value) and match.exactly(value)
    or value
  return expected
end

local alone = { operation = "PATCH SCR/settings: one field" }
for _, change in ipairs(CHANGES) do
  local name, value = change[1], change[2]
  alone[#alone + 1] = {
    name = name .. (value == json.null and " to null" or "") .. ", and nothing else",
    source = "§11.2, §14",
    needs = { script = BEFORE },
    patch({ [name] = value }, { result = changed(name, value) }),
    get("SCR/settings", changed(name, value)),
  }
end

local read = {
  operation = "GET SCR/settings",
  {
    name = "what was never set",
    source = "§11.1",
    needs = "script",
    get("SCR/settings", NEVER_SET),
  },
  {
    name = "what was set",
    source = "§11.1",
    needs = { script = BEFORE },
    get("SCR/settings", BEFORE),
  },
}

-- The patch {"logpush":true} in some form.
local function logpush(form, expect)
  return { "PATCH SCR/settings", form = form, expect = expect or { result = { logpush = true } } }
end

local forms = {
  operation = "PATCH SCR/settings: forms",
  {
    name = "a part `settings`, with a type, without, or as a file; a part `metadata`",
    source = "§11.2",
    needs = "script",
    logpush { { name = "settings", type = "application/json", content = '{"logpush":true}' } },
    logpush { { name = "settings", content = '{"logpush":true}' } },
    logpush { { name = "settings", filename = "settings.json", type = "application/json",
      content = '{"logpush":true}' } },
    logpush { { name = "metadata", content = '{"logpush":true}' } },
  },
  {
    name = "JSON, bare or wrapped",
    source = "§11.2",
    needs = "script",
    { "PATCH SCR/settings", json = { logpush = true }, expect = { result = { logpush = true } } },
    { "PATCH SCR/settings", json = { settings = { logpush = false } },
      expect = { result = { logpush = false } } },
  },
  {
    name = "flattened fields are refused",
    source = "§5.2, §11.2",
    needs = "script",
    logpush({ { name = "settings[logpush]", content = "true" } }, { code = 10021 }),
    get("SCR/settings", { logpush = false }),
  },
  {
    name = "a form without settings",
    source = "§11.2",
    needs = "script",
    logpush({ { name = "other", content = "{}" } }, { code = 10021 }),
  },
  {
    name = "another type of content",
    source = "§1.6, §11.2",
    needs = "script",
    { "PATCH SCR/settings", body = "{}", type = "text/plain", expect = { code = 10001 } },
    { "PATCH SCR/settings", body = "logpush=true", type = "application/x-www-form-urlencoded",
      expect = { code = 10001 } },
  },
  {
    name = "bodies that are broken",
    source = "§1.6",
    needs = "script",
    logpush({ { name = "settings", content = "{" } }, { code = 10026 }),
    { "PATCH SCR/settings", body = "{", type = "application/json", expect = { code = 10026 } },
    { "PATCH SCR/settings", body = "x", type = "multipart/form-data; boundary=b",
      expect = { code = 10026 } },
  },
}

local merging = {
  operation = "PATCH SCR/settings",
  {
    name = "nothing named, nothing changed; the answer is all settings",
    source = "§11.2",
    needs = { script = BEFORE },
    patch({}, { result = BEFORE }),
    get("SCR/settings", BEFORE),
  },
  {
    name = "code and identity stay, the time of change is new",
    source = "§14",
    needs = { script = { bindings = { PLAIN } } },
    { "GET SCR", expect = { result = { script = { tag = match.save "tag",
      etag = match.save "etag", created_on = match.save "created",
      modified_on = match.save "modified" } } } },
    patch { logpush = true },
    get("SCR", { script = { tag = "{tag}", etag = "{etag}", created_on = "{created}",
      modified_on = match.other_than "modified", logpush = true } }),
    { "GET SCR/content", expect = { parts = { { content = requests.SOURCE } } } },
  },
  {
    name = "the list of bindings is complete",
    source = "§11.2",
    needs = { script = { bindings = { PLAIN, SECRET } } },
    patch({ bindings = { { type = "plain_text", name = "NEW", text = "new" } } },
      { result = { bindings = { { name = "NEW", text = "new" } } } }),
    get("SCR/secrets", NONE),
  },
  {
    name = "a binding is kept by inherit, or by its type and name alone",
    source = "§11.2",
    needs = { script = { bindings = { PLAIN, SECRET } } },
    patch({ bindings = { { type = "inherit", name = "KEY" },
      { type = "plain_text", name = "VAR" } } },
      { result = { bindings = { READ_SECRET, PLAIN } } }),
    patch({ bindings = { { type = "secret_text", name = "KEY" },
      { type = "inherit", name = "COPY", old_name = "VAR" } } },
      { result = { bindings = { READ_SECRET, { name = "COPY", text = "x" } } } }),
    get("SCR/secrets", { READ_SECRET }),
  },
  {
    name = "what was read can be sent back, and changes nothing",
    source = "§11.2, §20.5",
    needs = { script = { bindings = { PLAIN, SECRET }, tags = { "a" },
      observability = { enabled = true } } },
    { "GET SCR/settings", expect = { result = match.save "settings" } },
    patch("{settings}", { result = { bindings = { PLAIN, READ_SECRET }, tags = { "a" },
      observability = { enabled = true } } }),
    get("SCR/secrets", { READ_SECRET }),
  },
  {
    name = "also when nothing was ever set",
    source = "§11.2, §20.5",
    needs = "script",
    { "GET SCR/settings", expect = { result = match.save "settings" } },
    patch("{settings}", { result = NEVER_SET }),
  },
  {
    name = "every form of placement",
    source = "§12.1",
    needs = "script",
    patch({ placement = { mode = "smart" } }, { result = { placement = { mode = "smart",
      status = match.string } } }),
    patch({ placement = { hostname = "example.com" } },
      { result = { placement = match.exactly { hostname = "example.com" } } }),
    patch({ placement = { host = "example.com:443", mode = "targeted" } },
      { result = { placement = { host = "example.com:443", mode = "targeted" } } }),
    patch({ placement = { mode = "targeted", target = { { region = "aws:us-east-1" } } } },
      { result = { placement = { target = { { region = "aws:us-east-1" } } } } }),
  },
  {
    name = "exports, of which live entries come back",
    source = "§11.2, §12.3",
    needs = "script",
    patch({ exports = { Room = { type = "durable-object", storage = "sqlite" } } },
      { result = { exports_reconciliation = { created = NONE, warnings = NONE } } }),
    get("SCR", { script = { exports = { Room = { type = "durable-object" } } } }),
  },
  {
    name = "null clears tags",
    source = "§11.2",
    needs = { script = { tags = { "a" } } },
    patch({ tags = json.null }, { result = { tags = NONE } }),
    get("SCR/tags", NONE),
  },
  {
    name = "a migration",
    source = "§12.2, §14",
    put(nil, { requests.file("index.js",
      "export class Room {}\nexport default { fetch() {} }\n") }),
    patch { migrations = { new_tag = "v1", new_classes = { "Room" } } },
    get("SCR", { script = { migration_tag = "v1" } }),
    patch({ migrations = { new_tag = "v2", new_classes = { "Hall" } } }, { code = 10079 }),
    get("SCR", { script = { migration_tag = "v1" } }),
  },
}

local function refused(settings, code, pointer)
  return patch(settings, { code = code,
    errors = { { source = pointer and { pointer = pointer } } } })
end

local function variables(count)
  local list = {}
  for i = 1, count do list[i] = { type = "plain_text", name = "VAR_" .. i, text = "x" } end
  return list
end

local refusals = {
  operation = "PATCH SCR/settings: refusals",
  {
    name = "bindings",
    source = "§11.2, §13",
    needs = { script = { bindings = { PLAIN, SECRET } } },
    refused({ bindings = { { type = "plain_text", text = "x" } } }, 10052, "/bindings/0/name"),
    refused({ bindings = { PLAIN, PLAIN } }, 10053, "/bindings/1/name"),
    refused({ bindings = { { type = "plain_text", name = "A", text = ("x"):rep(5121) } } }, 10054),
    refused({ bindings = variables(129) }, 10055),
    patch({ bindings = { { type = "inherit", name = "X" }, { type = "inherit", name = "Y" } } },
      { codes = { 10057, 10057 } }),
    refused({ bindings = { { type = "secret_text", name = "X" } } }, 10021),
    refused({ bindings = { { type = "secret_text", name = "VAR" } } }, 10021),
    get("SCR/bindings", { PLAIN, READ_SECRET }),
  },
  {
    name = "tags",
    source = "§10",
    needs = { script = { tags = { "a" } } },
    patch({ tags = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11" } },
      { code = 10021, status = 403 }),
    patch({ tags = { ("x"):rep(1025) } },
      { code = 10021, errors = { { message = "Tag is too large" } } }),
    patch({ tags = { "x,y" } }, { code = 10021 }),
    get("SCR/tags", { "a" }),
  },
  {
    name = "fields of the wrong type, and nothing is changed",
    source = "§1.5",
    needs = { script = BEFORE },
    refused({ bindings = "none" }, 10021, "/bindings"),
    refused({ compatibility_date = "yesterday" }, 10021, "/compatibility_date"),
    refused({ compatibility_flags = "x" }, 10021, "/compatibility_flags"),
    refused({ limits = { cpu_ms = "x" } }, 10021, "/limits/cpu_ms"),
    refused({ logpush = "x" }, 10021, "/logpush"),
    refused({ observability = { enabled = "x" } }, 10021, "/observability/enabled"),
    refused({ placement = "smart" }, 10021, "/placement"),
    refused({ tags = "a" }, 10021, "/tags"),
    refused({ tail_consumers = "x" }, 10021, "/tail_consumers"),
    refused({ usage_model = "x" }, 10021, "/usage_model"),
    refused({ logpush = false, usage_model = "x" }, 10021, "/usage_model"),
    get("SCR/settings", BEFORE),
  },
}

return { read, alone, forms, merging, refusals }
