-- Which part of a form is what: the dialects of the clients.

local errors = require "moonherd.platform.errors"
local upload = require "moonherd.platform.upload"

local call = {
  warn = function (self) self.warnings = self.warnings + 1 end,
  log = function (self) self.lines = self.lines + 1 end,
}

local ESM = "application/javascript+module"

local function part(name, filename, content_type, content)
  content = content or name .. filename
  return {
    name = name, filename = filename, type = content_type or ESM, content = content,
      size = #content,
    digest = content,
  }
end

local function refused(f, ...)
  local is_done, refusal = pcall(f, ...)
  assert(not is_done, "was not refused")
  assert(errors.is_refusal(refusal), tostring(refusal))
  return refusal.entries[1]
end

local function read(metadata, ...)
  return upload.code(metadata, { ... }, nil, call)
end

local function module_names(code)
  local list = {}
  for i, module in ipairs(code.modules) do list[i] = module.name end
  return table.concat(list, " ")
end

before_each(function ()
  call.warnings, call.lines = 0, 0
end)

describe("the entry", function ()
  it("is the part whose filename the metadata names, before one of that name", function ()
    local code = read({ main_module = "x.mjs" }, part("x.mjs", "y.mjs"), part("script", "x.mjs"))
    assert.equal("x.mjs", code.entry)
    assert.equal("script" .. "x.mjs", code.modules[1].content)
  end)

  it("is the part of that name when it has no filename", function ()
    assert.equal("index.js", read({ main_module = "index.js" },
      part("index.js", nil, ESM, "x")).entry)
  end)

  it("is the only part with the last segment of its path", function ()
    local code = read({ main_module = "src/lib/a.js" }, part("files[]", "a.js"),
      part("files[]", "b.js"))
    assert.equal("a.js", code.entry)
    refused(read, { main_module = "src/a.js" }, part("x", "a.js"), part("y", "a.js"))
  end)

  it("comes first", function ()
    assert.equal("b.js a.js", module_names(read({ main_module = "b.js" }, part("a.js", "a.js"),
      part("b.js", "b.js"))))
  end)

  it("must be there", function ()
    local entry = refused(read, { main_module = "x.js" }, part("a.js", "a.js"))
    assert.equal('No such module "x.js".', entry.message)
    assert.equal(10021, entry.code)
    refused(read, { body_part = "x.js" }, part("a.js", "a.js"))
    refused(read, {}, part("a.js", "a.js"))
  end)

  it("makes a module Worker or a service worker by the metadata alone", function ()
    assert.equal("service_worker", read({ body_part = "a" }, part("a", nil, ESM, "x")).kind)
    assert.equal("module", read({ main_module = "a" },
      part("a", nil, "application/javascript", "x")).kind)
    assert.equal(1, call.warnings)
  end)

  it("is the main module when both kinds are named", function ()
    local code = read({ main_module = "a", body_part = "b" }, part("b", nil, ESM, "x"),
      part("a", nil, ESM, "y"))
    assert.equal("module", code.kind)
    assert.equal("a", code.entry)
    assert.equal(1, call.warnings)
  end)
end)

describe("a module's name", function ()
  it("is its filename", function ()
    assert.equal("a.js b.js", module_names(read({ main_module = "a.js" }, part("files", "a.js"),
      part("files", "b.js"))))
  end)

  it("is its part's name when that has the folders of the filename", function ()
    assert.equal("main.js lib/u.js", module_names(read({ main_module = "main.js" },
      part("main.js", "main.js"), part("lib/u.js", "u.js"))))
  end)

  it("is there once", function ()
    refused(read, { main_module = "a.js" }, part("files", "a.js"), part("more", "a.js"))
  end)

  -- The content it is read back in could not name it, and ran together with the one before.
  it("is there", function ()
    refused(read, { main_module = "a.js" }, part("files", "a.js"), part("", ""))
    refused(read, { main_module = "a.js" }, part("files", "a.js"), part("", nil, nil, "x"))
  end)
end)

describe("a part of a binding", function ()
  it("is found by its name before its filename, and is no module", function ()
    local metadata = {
      body_part = "sw.js",
      bindings = { { type = "wasm_module", name = "W", part = "mod" } },
    }
    local code = read(metadata, part("sw.js", "sw.js"), part("other", "mod"),
      part("mod", "lib/x.wasm"))
    assert.is_true(code.modules[3].is_bound)
    assert.is_false(code.modules[2].is_bound)
  end)

  it("must be there", function ()
    local metadata = { body_part = "a", bindings = { { type = "text_blob", name = "T",
      part = "no" } } }
    assert.equal("/bindings/0/part", refused(read, metadata,
      part("a", nil, ESM, "x")).source.pointer)
  end)
end)

describe("the metadata", function ()
  it("is a part anywhere in the form", function ()
    local metadata, files = upload.split { part("a.js", "a.js"),
      part("metadata", "metadata.json", "application/json", '{"main_module":"a.js"}') }
    assert.equal("a.js", metadata.main_module)
    assert.equal(1, #files)
  end)

  it("is there once", function ()
    refused(upload.split, { part("metadata", nil, nil, "{}"), part("metadata", nil, nil, "{}") })
  end)

  it("is not pieced together from fields", function ()
    local metadata, files, flattened = upload.split { part("metadata[main_module]", nil, nil,
      "a.js"),
      part("files[]", "a.js") }
    assert.is_nil(metadata)
    assert.equal(1, #files)
    assert.equal(10021, refused(upload.refuse_flattened, flattened, call).code)
    assert.equal(1, call.lines)
  end)

  it("is called by the name of its fields when it is refused, and logged", function ()
    for field, name in pairs { ["metadata[tags][]"] = "metadata", ["settings[x]"] = "settings" } do
      local before = call.lines
      local entry = refused(upload.refuse_flattened, field, call)
      assert.equal("/" .. name, entry.source.pointer)
      assert.equal(("The request has no `%s` part"):format(name), entry.message)
      assert.equal(before + 1, call.lines)
    end
  end)
end)

describe("an upload without files", function ()
  local current = { kind = "module", entry = "a.js" }

  it("keeps the code", function ()
    assert.is_nil(upload.code({}, {}, current, call))
    assert.is_nil(upload.code({ main_module = "a.js" }, {}, current, call))
  end)

  it("names no other entry", function ()
    assert.equal('No such module "b.js".',
      refused(upload.code, { main_module = "b.js" }, {}, current, call).message)
    refused(upload.code, { body_part = "a.js" }, {}, current, call)
    refused(upload.code, { main_module = "a.js" }, {}, nil, call)
  end)
end)

describe("the etag", function ()
  local function etag(...)
    return read({ main_module = "a.js" }, ...).etag
  end
  local a, b = part("a.js", "a.js"), part("b.js", "b.js")

  it("does not depend on the order, source maps or the spelling of a type", function ()
    local expected = etag(a, b)
    assert.equal(expected, etag(b, a))
    assert.equal(expected, etag(a, b, part("a.js.map", "a.js.map", "application/source-map")))
    assert.equal(expected, etag(part("a.js", "a.js", "text/javascript+module; charset=utf-8"), b))
  end)

  it("depends on names, types and bytes", function ()
    local expected = etag(a, b)
    assert.are_not.equal(expected, etag(a))
    assert.are_not.equal(expected, etag(a, part("c.js", "c.js", ESM, b.content)))
    assert.are_not.equal(expected, etag(a, part("b.js", "b.js", "text/plain")))
    assert.are_not.equal(expected, etag(a, part("b.js", "b.js", ESM, "changed")))
  end)
end)
