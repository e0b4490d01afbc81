-- What an upload says about bindings, migrations and the rest, and what it leaves of the version
-- before. Contract §12 to §14.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local file, get, put = requests.file, requests.get, requests.put
local NONE = json.array {}
local STRICT = "?bindings_inherit=strict"

local function plain(name, text)
  return { type = "plain_text", name = name, text = text or "text of " .. name }
end

local function secret(name, text)
  return { type = "secret_text", name = name, text = text or "secret of " .. name }
end

local function without_value(name)
  return match.exactly { type = "secret_text", name = name }
end

local function inherit(name, old_name)
  return { type = "inherit", name = name, old_name = old_name }
end

-- As many small variables.
local function variables(count)
  local list = {}
  for i = 1, count do list[i] = plain("VAR_" .. i, "x") end
  return list
end

local function refused(bindings, code, pointer)
  return put({ bindings = bindings }, nil,
    { code = code, errors = { { source = pointer and { pointer = pointer } } } })
end

-- ---- bindings -----------------------------------------------------------------------------------

local bindings = {
  operation = "PUT SCR: bindings",
  {
    name = "no name",
    source = "§13",
    refused({ plain("A"), { type = "plain_text", text = "x" } }, 10052, "/bindings/1/name"),
    refused({ { type = "plain_text", name = "", text = "x" } }, 10052, "/bindings/0/name"),
  },
  {
    name = "a name twice",
    source = "§1.6",
    put({ bindings = { plain "A", plain "A" } }, nil, { code = 10053, errors = { { message =
      "Binding name 'A' already in use. Please use a different name and try again." } } }),
    refused({ plain "A", inherit "A" }, 10053, "/bindings/1/name"),
  },
  {
    name = "values of 5 KB, and larger ones",
    source = "§1.11",
    put { bindings = { plain("A", ("x"):rep(5120)), secret("B", ("x"):rep(5120)) } },
    refused({ plain("A", ("x"):rep(5121)) }, 10054, match.pattern "^/bindings/0"),
    refused({ secret("A", ("x"):rep(5121)) }, 10054, match.pattern "^/bindings/0"),
    refused({ { type = "json", name = "A", json = { ("x"):rep(5121) } } }, 10054,
      match.pattern "^/bindings/0"),
  },
  {
    name = "128 variables, and more",
    source = "§1.11",
    put { bindings = variables(128) },
    refused(variables(129), 10055, "/bindings"),
  },
  {
    name = "fields that its type needs",
    source = "§13",
    refused({ { type = "plain_text", name = "A" } }, 10021, "/bindings/0/text"),
    refused({ plain "A", { type = "kv_namespace", name = "B" } }, 10021,
      "/bindings/1/namespace_id"),
    refused({ { name = "A" } }, 10021, "/bindings/0/type"),
    refused({ { type = "secret_text", name = "A", text = 5 } }, 10021, "/bindings/0/text"),
  },
  {
    name = "assets that are not there",
    source = "§1.6",
    put({ bindings = { { type = "assets", name = "ASSETS" } } }, nil, { code = 10021,
      errors = { { message = "Cannot use an assets binding without assets" } } }),
  },
  {
    name = "the list is complete: what it leaves out is gone",
    source = "§13, §14",
    needs = { script = { bindings = { plain "A", secret "B" } } },
    put { bindings = { plain "C" } },
    get("SCR/bindings", { plain "C" }),
    put(),
    get("SCR/bindings", NONE),
  },
}

local inheriting = {
  operation = "PUT SCR: kept bindings",
  {
    name = "those of the types that are to be kept",
    source = "§12.1, §13",
    needs = { script = { bindings = { plain "A", secret "B", { type = "json", name = "C",
      json = { 1 } } } } },
    put { keep_bindings = { "secret_text", "secret_key", "json" }, bindings = { plain("D", "d") } },
    get("SCR/bindings", match.all(match.with(plain("D", "d")), match.with(without_value "B"),
      match.with { name = "C", json = { 1 } }, match.without { name = "A" })),
  },
  {
    name = "a new binding of the name wins over the one that would be kept",
    source = "§13",
    needs = { script = { bindings = { secret "A" } } },
    put { keep_bindings = { "secret_text" }, bindings = { plain("A", "new") } },
    get("SCR/bindings", { plain("A", "new") }),
  },
  {
    name = "types that do not exist, and no list",
    source = "§12.1",
    put({ keep_bindings = { "secret_text", "secrets" } }, nil, { code = 10021,
      errors = { { message = match.pattern "unknown type" } } }),
    put({ keep_bindings = true }, nil, { code = 10021 }),
  },
  {
    name = "by inherit, under the same name or another, secrets too",
    source = "§13",
    needs = { script = { bindings = { plain("A", "a"), secret "B" } } },
    put({ bindings = { inherit "A", inherit("SECRET", "B"),
      { type = "inherit", name = "COPY", old_name = "A", version_id = "latest" } } }, nil, nil,
      STRICT),
    get("SCR/bindings", { plain("A", "a"), without_value "SECRET", plain("COPY", "a") }),
    get("SCR/secrets", { without_value "SECRET" }),
  },
  {
    name = "one entry for each inherit that finds nothing, when that is to be strict",
    source = "§5.1, §20.8",
    needs = { script = { bindings = { plain("A", "a") } } },
    put({ bindings = { inherit "A", inherit "X", inherit "Y" } }, nil, { codes = { 10057, 10057 },
      errors = { { message = match.pattern "^inherit binding 'X' is invalid" },
        { message = match.pattern "^inherit binding 'Y' is invalid" } } }, STRICT),
    get("SCR/bindings", { plain("A", "a") }),
    put { bindings = { inherit "A", inherit "X", inherit "Y" } },
    get("SCR/bindings", { plain("A", "a") }),
  },
  {
    name = "nothing, when there is no version before",
    source = "§5.1",
    put({ bindings = { inherit "A" } }, nil, { codes = { 10057 } }, STRICT),
    { "GET SCR", expect = { code = 10092 } },
    put { bindings = { inherit "A" } },
    get("SCR/bindings", NONE),
  },
  {
    name = "secrets are lost when nothing keeps them",
    source = "§14",
    live = false, -- the sources disagree about the service
    needs = { script = { bindings = { secret "A" } } },
    put { bindings = { plain "B" } },
    get("SCR/secrets", NONE),
  },
}

-- ---- settings and tags --------------------------------------------------------------------------

local GIVEN = {
  compatibility_date = "2026-01-01", compatibility_flags = { "nodejs_compat" },
  usage_model = "unbound", limits = { cpu_ms = 50, subrequests = 10 }, logpush = true,
  tail_consumers = { { service = "tail", environment = "production", namespace = "{ns}" } },
  placement = { mode = "smart" }, tags = { "a", "b" }, cache_options = { enabled = true },
  observability = { enabled = true, head_sampling_rate = 0.5, logs = { enabled = true,
    invocation_logs = false, head_sampling_rate = 0.25, persist = false,
    destinations = { "somewhere" } }, traces = { enabled = true, head_sampling_rate = 0.1,
    propagation_policy = "accept" }, issues = { enabled = true }, redact_query_string = true },
}

local NEVER_SET = {
  bindings = NONE, compatibility_date = "2021-11-02", compatibility_flags = NONE,
  limits = match.empty_object, logpush = false, migrations = json.null,
  observability = match.exactly { enabled = false }, placement = match.empty_object,
  tags = NONE, tail_consumers = json.null, usage_model = "standard",
  cache_options = match.one_of(match.absent, json.null, match.empty_object, { enabled = false }),
}

local settings = {
  operation = "PUT SCR: settings and tags",
  {
    name = "every leaf comes back",
    source = "§11.1",
    put(GIVEN),
    get("SCR/settings", GIVEN),
  },
  {
    name = "what is not named is as if never set, but tags stay",
    source = "§14",
    needs = { script = GIVEN },
    put(),
    get("SCR/settings", (function ()
      local expected = { tags = { "a", "b" } }
      for name, value in pairs(NEVER_SET) do expected[name] = expected[name] or value end
      return expected
    end)()),
  },
  {
    name = "named tags replace those that were there",
    source = "§14, §10",
    needs = { script = { tags = { "a", "b" } } },
    put { tags = { "c", "b", "c" } },
    get("SCR/tags", { "c", "b" }),
    put { tags = NONE },
    get("SCR/tags", NONE),
  },
  {
    name = "keys that nobody knows are taken",
    source = "§12.1",
    put { code_update_strategy = { mode = "deferred", max_delay = 300 }, colour = { "red" },
      annotations = { ["workers/message"] = "hello" }, containers = { { class_name = "Box" } },
      package_dependencies = { { name = "x", packageJsonVersion = "1", installedVersion = "1" } },
      streaming_tail_consumers = { { service = "tail" } } },
  },
}

-- ---- Durable Objects ----------------------------------------------------------------------------

local CLASSES = { file("index.js", "export class Room {}\nexport class Hall {}\n"
  .. "export default { fetch() {} }\n") }

local function migrate(migrations, expect)
  return put({ migrations = migrations }, CLASSES, expect)
end

local function has_tag(tag)
  return get("SCR", { script = { migration_tag = tag } })
end

local PRECONDITION = {
  code = 10079, errors = { { message = match.pattern "[Mm]igration tag precondition failed" } },
}

local migrations = {
  operation = "PUT SCR: migrations",
  {
    name = "steps, as wrangler sends them, leave their tag",
    source = "§12.2",
    migrate({ new_tag = "v1", steps = { { new_sqlite_classes = { "Room" } } } },
      { result = { migration_tag = "v1" } }),
    has_tag "v1",
    migrate({ old_tag = "v1", new_tag = "v2", steps = { { new_classes = { "Hall" } } } },
      { result = { migration_tag = "v2" } }),
    has_tag "v2",
    put(nil, CLASSES, { result = { migration_tag = "v2" } }),
  },
  {
    name = "a single step, and no tag is the empty one",
    source = "§12.2",
    migrate { old_tag = "", new_tag = "v1", new_classes = { "Room" } },
    migrate { old_tag = "v1", new_tag = "v2",
      renamed_classes = { { from = "Room", to = "Hall" } } },
    migrate { old_tag = "v2", new_tag = "v3", deleted_classes = { "Hall" },
      new_classes = { "Room" } },
    has_tag "v3",
    migrate { old_tag = "v3", new_tag = "v4", new_sqlite_classes = { "Hall" } },
  },
  {
    name = "the tag before must be the one that is there",
    source = "§12.2",
    migrate({ old_tag = "v1", new_tag = "v2", new_classes = { "Room" } }, PRECONDITION),
    migrate { new_tag = "v1", new_classes = { "Room" } },
    migrate({ new_tag = "v2", new_classes = { "Hall" } }, PRECONDITION),
    migrate({ old_tag = "v0", new_tag = "v2", new_classes = { "Hall" } }, PRECONDITION),
    has_tag "v1",
  },
  {
    name = "a class that is there is not made again",
    source = "§12.2",
    migrate { new_tag = "v1", new_classes = { "Room" } },
    migrate({ old_tag = "v1", new_tag = "v2", new_sqlite_classes = { "Room" } }, {
      code = 10074, errors = { { message = match.pattern "class 'Room'" } },
    }),
    has_tag "v1",
  },
  {
    name = "a script without migrations has no tag",
    source = "§5.6",
    put(nil, nil, { result = { migration_tag = match.one_of(match.absent, json.null) } }),
  },
}

local LISTS = { "created", "updated", "deleted", "renamed", "transferred", "transfer_pending",
  "removable_entries", "info", "warnings" }

local function nothing_to_do()
  local lists = {}
  for _, name in ipairs(LISTS) do lists[name] = NONE end
  return lists
end

local exports = {
  operation = "PUT SCR: exports",
  {
    name = "live entries come back, and there is nothing to reconcile",
    source = "§12.3",
    put({ exports = { Room = { type = "durable-object", storage = "sqlite" },
      Gone = { type = "durable-object", state = "deleted" } } }, CLASSES,
      { result = { exports_reconciliation = nothing_to_do() } }),
    get("SCR", { script = { exports = {
      Room = { type = "durable-object", storage = "sqlite" }, Gone = match.absent,
    } } }),
  },
  {
    name = "not together with migrations",
    source = "§12.1",
    put({ exports = { Room = { type = "durable-object", storage = "sqlite" } },
      migrations = { new_tag = "v1", new_classes = { "Room" } } }, CLASSES, { code = 10021 }),
  },
  {
    name = "entries in every state",
    source = "§12.3",
    put { exports = {
      Entry = { type = "worker", cache = { enabled = true } },
      Old = { type = "durable-object", state = "renamed", renamed_to = "Room" },
      Room = { type = "durable-object", storage = "legacy-kv", state = "created" },
      Away = { type = "durable-object", state = "transferred", transferred_to = "other" },
      Coming = { type = "durable-object", state = "expecting-transfer", storage = "sqlite",
        transfer_from = "other" },
    } },
    get("SCR", { script = { exports = {
      Entry = { type = "worker", cache = { enabled = true } },
      Room = { type = "durable-object", storage = "legacy-kv" },
      Coming = { state = "expecting-transfer", transfer_from = "other" },
      Old = match.absent, Away = match.absent,
    } } }),
  },
}

return { bindings, inheriting, settings, migrations, exports }
