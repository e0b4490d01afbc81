-- moonherd.read_wrangler: what becomes of every member that wrangler's schema has, at the top of
-- the file and in an environment, and of the modules that wrangler has built.
local fs = require "moonherd.fs"
local json = require "moonherd.json"
local members = require "tests.spec.support.wrangler_members"
local moonherd = require "moonherd"

describe("read_wrangler", function ()
  local temporary, folder

  before_each(function ()
    temporary = fs.temp_dir()
    folder = temporary.path
    fs.mkdir(folder .. "/dist")
    fs.write(folder .. "/dist/index.js", "export default {}")
  end)
  after_each(function () temporary:remove() end)

  -- The upload, and the paths that are unmapped.
  local function read(config, env)
    fs.write(folder .. "/wrangler.jsonc", config)
    local upload, project = moonherd.read_wrangler(folder .. "/wrangler.jsonc",
      { outdir = folder .. "/dist", env = env, warn = false })
    local unmapped = {}
    for i, entry in ipairs(project.unmapped) do
      assert(#entry.why > 10)
      unmapped[i] = entry.path
    end
    return upload, unmapped
  end

  local function plain(value)
    return value ~= nil and json.encode(value) or nil
  end

  local function unmapped_of(name, row)
    if type(row.left) == "table" then return row.left end
    return row.left and { name } or {}
  end

  local names = {}
  for name in pairs(members) do names[#names + 1] = name end
  table.sort(names)

  for _, name in ipairs(names) do
    local row = members[name]
    local what = row.field and "takes" or row.binding and "makes a binding of"
      or row.left and "names as unmapped" or "needs not"
    it(("%s %s"):format(what, name), function ()
      local upload, unmapped = read(('{ "%s": %s }'):format(name, row.value))
      assert.same(unmapped_of(name, row), unmapped)
      if name ~= "assets" then -- has a folder besides: see below
        assert.equal(row.field and plain(json.decode(row.value)) or nil, plain(upload[name]))
      end
      assert.equal(plain(row.binding), plain(upload.bindings.B))
    end)

    -- An environment: what it does not say itself is taken over, or is not.
    it(("%s %s of the top into an environment"):format(row.own and "takes no" or "takes",
      name), function ()
      if name == "env" then return end
      local config = '{ "%s": %s, "env": { "live": { "minify": true } } }'
      local upload, unmapped = read(config:format(name, row.value), "live")
      local is_lost = row.own and not row.building
      assert.same(is_lost and { name } or not row.own and unmapped_of(name, row) or {}, unmapped)
      local is_taken = not row.own
      if name ~= "assets" then
        assert.equal(is_taken and row.field and plain(json.decode(row.value)) or nil,
          plain(upload[name]))
      end
      assert.equal(is_taken and plain(row.binding) or nil, plain(upload.bindings.B))
    end)
  end

  it("takes the folder of assets into an environment", function ()
    local upload = read('{ "assets": { "directory": "public" }, "env": { "live": {} } }', "live")
    assert.equal(fs.realpath(folder) .. "/public", upload.assets.dir)
  end)

  it("takes what an environment says, and not what it cannot", function ()
    local upload, unmapped = read([[{ "logpush": true, "env": { "live": {
      "logpush": false, "keep_vars": true, "site": {}, "vars": { "B": "live" },
      "streaming_tail_consumers": [{ "service": "tail" }] } } }]], "live")
    assert.same({ "env.live.keep_vars", "env.live.site" }, unmapped)
    assert.is_false(upload.logpush)
    assert.is_nil(upload.keep_bindings)
    assert.equal("live", upload.bindings.B)
    assert.equal("tail", upload.streaming_tail_consumers[1].service)
  end)

  it("says why what stands at the top alone is not in an environment", function ()
    fs.write(folder .. "/wrangler.jsonc", [[{ "vars": { "A": "1" }, "ai": { "binding": "AI" },
      "kv_namespaces": [], "env": { "live": { "ai": { "binding": "AI" }, "vars": {} } } }]])
    local upload, project = moonherd.read_wrangler(folder .. "/wrangler.jsonc",
      { outdir = folder .. "/dist", env = "live", warn = false })
    assert.same({ AI = { type = "ai" } }, upload.bindings)
    assert.same({ {
      path = "kv_namespaces",
      why = "environments do not take it over from the top: say it in env.live as well",
    } }, project.unmapped)
  end)

  it("leaves nothing out where an address is not wanted", function ()
    local _, unmapped = read '{ "workers_dev": false, "preview_urls": false }'
    assert.same({}, unmapped)
  end)

  it("names the member that may be meant", function ()
    fs.write(folder .. "/wrangler.jsonc", '{ "compatability_date": "2026-10-01", "frobnicate": 1 }')
    local _, project = moonherd.read_wrangler(folder .. "/wrangler.jsonc",
      { outdir = folder .. "/dist", warn = false })
    assert.equal("the upload has nothing like it (did you mean 'compatibility_date'?)",
      project.unmapped[1].why)
    assert.equal("the upload has nothing like it", project.unmapped[2].why)
  end)

  it("names a member that the schema does not have", function ()
    local _, unmapped = read '{ "newer_than_us": 1, "compatibilty_date": "2026-10-01" }'
    assert.same({ "compatibilty_date", "newer_than_us" }, unmapped)
  end)

  for config, path in pairs {
    ['{ "kv_namespaces": {} }'] = false, -- as none
    ['{ "kv_namespaces": "x" }'] = "kv_namespaces",
    ['{ "kv_namespaces": [1] }'] = "kv_namespaces[0]",
    ['{ "ai": true }'] = "ai", ['{ "ai": {} }'] = "ai", ['{ "queues": 1 }'] = false,
    ['{ "r2_buckets": [{ "bucket_name": "b" }] }'] = "r2_buckets[0]",
    ['{ "rules": [{ "type": "Texts", "globs": [] }] }'] = "rules[0]",
  } do
    it("survives " .. config, function ()
      local _, unmapped = read(config)
      assert.same({ path or nil }, unmapped)
    end)
  end

  it("gives modules the types of the project's rules", function ()
    fs.mkdir(folder .. "/dist/lib")
    for path, text in pairs {
      ["page.md"] = "# hi", ["lib/data.dat"] = "\0\1", ["lib/old.js"] = "exports.a = 1",
      ["plain.txt"] = "text",
    } do
      fs.write(folder .. "/dist/" .. path, text)
    end
    local upload = read [[{ "main": "src/index.ts", "rules": [
      { "type": "Text", "globs": ["**/*.md"] }, { "type": "Data", "globs": ["**/*.{dat,bin}"] },
      { "type": "CommonJS", "globs": ["**/*.js"] }, { "type": "Data", "globs": ["**/*.md"] } ] }]]
    local types = {}
    for name, module in pairs(upload.modules) do
      types[name] = type(module) == "table" and module.type or "by its ending"
    end
    assert.same({
      ["index.js"] = "by its ending", ["plain.txt"] = "by its ending",
      ["page.md"] = "text/plain", ["lib/data.dat"] = "application/octet-stream",
      ["lib/old.js"] = "application/javascript",
    }, types)
    assert.equal("index.js", upload.main_module)
    assert.equal("export default {}", upload.modules["index.js"])
  end)

  it("says that modules beside main need a folder that is built", function ()
    fs.write(folder .. "/worker.mjs", "export default {}")
    fs.write(folder .. "/wrangler.jsonc", '{ "main": "worker.mjs", "no_bundle": true }')
    local _, project = moonherd.read_wrangler(folder .. "/wrangler.jsonc", { warn = false })
    assert.equal("no_bundle", project.unmapped[1].path)
    assert(project.unmapped[1].why:find("--outdir", 1, true))
  end)
end)
