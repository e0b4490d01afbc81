-- What each call replaces, resets and keeps of a script: contract §14, one test a cell. A column of
-- the table is a call with what it should leave behind; a row is a part of a script's state.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, file = support.ok, support.file
local SCRIPT = "/prod/scripts/a"
local KV = { type = "kv_namespace", name = "KV", namespace_id = "0f2ac74b498b48028cb68387c421e279" }
local OTHER_SOURCE = "export default { queue() {} }"

local function list(...) return json.array { ... } end

-- The script before each call.
local BEFORE = {
  compatibility_date = "2026-01-01",
  compatibility_flags = list "nodejs_compat",
  limits = { cpu_ms = 50 },
  placement = { region = "aws:us-east-1" },
  usage_model = "unbound",
  cache_options = { enabled = true },
  observability = { enabled = true, head_sampling_rate = 0.5 },
  logpush = true,
  tail_consumers = list { service = "tail" },
  tags = list("one", "two"),
  migrations = { new_tag = "v1", new_classes = list "A" },
  bindings = list({ type = "plain_text", name = "MODE", text = "live" }, KV,
    { type = "secret_text", name = "KEY", text = "a-secret-value" }),
}

-- What upload and patch give in place of all that.
local GIVEN = {
  compatibility_date = "2026-02-02",
  compatibility_flags = list "x",
  limits = { subrequests = 7 },
  placement = { mode = "targeted", hostname = "db.example.com" },
  usage_model = "bundled",
  cache_options = { enabled = false },
  observability = { enabled = true, logs = { enabled = true } },
  logpush = false,
  tail_consumers = list { service = "other" },
  tags = list "three",
  migrations = { old_tag = "v1", new_tag = "v2", new_classes = list "B" },
  bindings = list({ type = "ai", name = "AI" },
    { type = "secret_text", name = "KEY", text = "another-value" },
    { type = "secret_text", name = "MORE", text = "one-more-value" }),
}

local KEPT = setmetatable({}, { __name = "as it was" })
local NEW = setmetatable({}, { __name = "another than before" })

local GIVEN_CELLS = {
  bindings = list { type = "ai", name = "AI" },
  secrets = "KEY:new MORE:new",
  compatibility_date = GIVEN.compatibility_date,
  compatibility_flags = GIVEN.compatibility_flags,
  limits = GIVEN.limits,
  placement = GIVEN.placement,
  usage_model = GIVEN.usage_model,
  cache_options = GIVEN.cache_options,
  observability = GIVEN.observability,
  logpush = GIVEN.logpush,
  tail_consumers = GIVEN.tail_consumers,
  tags = GIVEN.tags,
  migrations = { tag = "v2", classes = list("A", "B") },
  modified_on = NEW,
  version = NEW,
}

-- A column: the cells that are not KEPT.
local function column(cells, changes)
  local copy = {}
  for row, cell in pairs(cells) do copy[row] = cell end
  for row, cell in pairs(changes or {}) do copy[row] = cell end
  return copy
end

local ROWS = {
  "code", "bindings", "secrets", "compatibility_date", "compatibility_flags", "limits", "placement",
  "usage_model", "cache_options", "observability", "logpush", "tail_consumers", "tags",
  "migrations", "identity", "etag", "modified_on", "version",
}

local COLUMNS = {
  {
    "PUT script, given",
    function (server) return server:put(SCRIPT, GIVEN, { file("other.js", OTHER_SOURCE) }) end,
    column(GIVEN_CELLS, { code = { ["other.js"] = OTHER_SOURCE }, etag = NEW }),
  },
  {
    "PUT script, absent",
    function (server) return server:put(SCRIPT, {}, {}) end,
    {
      bindings = list(),
      secrets = "",
      compatibility_date = "2021-11-02",
      compatibility_flags = list(),
      limits = {},
      placement = {},
      usage_model = "standard",
      cache_options = json.null,
      observability = { enabled = false },
      logpush = false,
      tail_consumers = json.null,
      modified_on = NEW,
      version = NEW,
    },
  },
  {
    "PUT content",
    function (server)
      return server:api("PUT", SCRIPT .. "/content", {
        form = support.form({ main_module = "index.js" }, { file("index.js", OTHER_SOURCE) }),
      })
    end,
    { code = { ["index.js"] = OTHER_SOURCE }, etag = NEW, modified_on = NEW, version = NEW },
  },
  {
    "PATCH settings, given",
    function (server)
      return server:api("PATCH", SCRIPT .. "/settings", {
        form = { { name = "settings", content = json.encode(GIVEN) } },
      })
    end,
    GIVEN_CELLS,
  },
  {
    "PATCH settings, absent",
    function (server)
      return server:api("PATCH", SCRIPT .. "/settings", {
        form = { { name = "settings", content = "{}" } },
      })
    end,
    {},
  },
  {
    "PUT secret",
    function (server)
      return server:api("PUT", SCRIPT .. "/secrets", { json = { name = "MORE", text = "a value" } })
    end,
    { secrets = "KEY:kept MORE:new", modified_on = NEW, version = NEW },
  },
  {
    "DELETE secret",
    function (server) return server:api("DELETE", SCRIPT .. "/secrets/KEY") end,
    { secrets = "", modified_on = NEW, version = NEW },
  },
  {
    "PUT tags",
    function (server) return server:api("PUT", SCRIPT .. "/tags", { json = list "three" }) end,
    { tags = list "three", modified_on = NEW },
  },
  {
    "PUT tag",
    function (server) return server:api("PUT", SCRIPT .. "/tags/three") end,
    { tags = list("one", "two", "three"), modified_on = NEW },
  },
  {
    "DELETE tag",
    function (server) return server:api("DELETE", SCRIPT .. "/tags/one") end,
    { tags = list "two", modified_on = NEW },
  },
}

describe("replaced, reset, kept:", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)

  local function put(metadata, files)
    return ok(server:put(SCRIPT, json.decode(json.encode(metadata), { nulls = true }), files))
  end

  local function state()
    return server.platform.store:find_state(support.ACCOUNT, "prod", "a")
  end

  -- The names of the secrets, each with whether its sealed value is that of `before`.
  local function secrets(sealed, before)
    local names = {}
    for name, value in pairs(sealed) do
      names[#names + 1] = name .. (value == before[name] and ":kept" or ":new")
    end
    table.sort(names)
    return table.concat(names, " ")
  end

  local function modules()
    local _, found = server.platform.store:find_content(support.ACCOUNT, "prod", "a")
    local sources = {}
    for _, module in ipairs(found) do sources[module.name] = module.content end
    return sources
  end

  -- Every row of the table, as it is now; `sealed` are the secrets before.
  local function rows(sealed)
    local held, shown = state(), ok(server:api("GET", SCRIPT)).script
    local now = ok(server:api("GET", SCRIPT .. "/settings"))
    now.code = modules()
    now.secrets = secrets(held.secrets, sealed)
    now.migrations = { tag = shown.migration_tag, classes = json.decode(held.classes) }
    now.identity = { shown.tag, shown.created_on }
    now.etag, now.modified_on, now.version = shown.etag, shown.modified_on, held.number
    local open = json.array {}
    for _, binding in ipairs(now.bindings) do
      if binding.type ~= "secret_text" then open[#open + 1] = binding end
    end
    now.bindings = open
    return now
  end

  before_each(function ()
    server:api("DELETE", SCRIPT)
    put(BEFORE)
  end)

  local function text_of(value) return value == nil and "null" or json.encode(value) end

  local function check(before, after, cell)
    before, after = text_of(before), text_of(after)
    if cell == NEW then
      assert.are_not.equal(before, after)
    else
      assert.equal(cell == KEPT and before or json.encode(cell), after)
    end
  end

  for _, entry in ipairs(COLUMNS) do
    local name, act, cells = table.unpack(entry)
    for _, row in ipairs(ROWS) do
      it(("%s: %s"):format(name, row), function ()
        local sealed = state().secrets
        local before = rows(sealed)
        ok(act(server))
        local cell = cells[row]
        if cell == nil then cell = KEPT end
        check(before[row], rows(sealed)[row], cell)
      end)
    end
  end

  describe("an upload", function ()
    local function names()
      local found = {}
      for i, binding in ipairs(json.decode(state().bindings)) do found[i] = binding.name end
      return table.concat(found, " ")
    end

    it("keeps bindings by type, and those that it inherits", function ()
      put { keep_bindings = list "plain_text", bindings = list { type = "inherit", name = "KV" } }
      assert.equal("KV MODE", names())
    end)

    it("keeps secrets by type, and those that it inherits", function ()
      put { keep_bindings = list "secret_text" }
      assert.equal("KEY", names())
      put { bindings = list { type = "inherit", name = "KEY" } }
      assert.is_string(state().secrets.KEY)
    end)

    it("clears the tags with null", function ()
      assert.equal(0, #put({ tags = json.null }).tags)
    end)

    it("has another etag when the code is another, and only then", function ()
      local before = put {}
      assert.equal(before.etag, put({}).etag)
      assert.are_not.equal(before.etag, put({}, { file("index.js", support.SOURCE .. "//") }).etag)
    end)

    it("has a deployment of its own", function ()
      assert.are_not.equal(put({}).deployment_id, put({}).deployment_id)
    end)

    it("shows the mode of placement beside it", function ()
      assert.equal("targeted", put({ placement = GIVEN.placement }).placement_mode)
    end)
  end)

  describe("a content upload", function ()
    it("has the handlers of the new code", function ()
      ok(COLUMNS[3][2](server))
      assert.same({ "queue" },
        { table.unpack(ok(server:api("GET", SCRIPT)).script.handlers) })
    end)
  end)
end)

describe("with implicit inheritance of secrets", function ()
  it("an upload keeps the secrets it does not name", function ()
    local server = support.start { implicit_secret_inheritance = true }
    server:make_namespace "prod"
    ok(server:put(SCRIPT, { bindings = list { type = "secret_text", name = "KEY",
      text = "value" } }))
    ok(server:put(SCRIPT))
    ok(server:put(SCRIPT, { bindings = list { type = "inherit", name = "KEY" } }, nil,
      "?bindings_inherit=strict"))
    server:close()
  end)
end)
