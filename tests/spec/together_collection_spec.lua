-- Namespaces, tags, lists and bulk deletes, from the client to the embedded platform and back.
local moonherd = require "moonherd"

local CODE = "export default { fetch() { return new Response('hi') } }"

describe("the client and the embedded platform agree on", function ()
  _ENV.shares_handles = true -- the platform serves until the program ends

  local client, ns
  local count = 0

  setup(function ()
    local name = os.tmpname()
    os.remove(name)
    local state = (os.getenv "B" or "build") .. "/tests" .. name
    client = moonherd.connect { target = "local", state = state }
  end)

  before_each(function ()
    count = count + 1
    ns = client:ensure_namespace("collection " .. count)
  end)
  after_each(function ()
    for _, details in ipairs(client:namespaces()) do
      client:namespace(details.namespace_name):delete { expect = details.script_count }
    end
  end)

  local function upload(name, more)
    local spec = { modules = { ["a.mjs"] = CODE }, compatibility_date = "2026-10-01" }
    for key, value in pairs(more or {}) do spec[key] = value end
    return ns:script(name):upload(spec)
  end

  local function reason(f, ...)
    local result, err = moonherd.try(f, ...)
    return result == nil and err.reason or "none"
  end

  local function requests_of(f, ...)
    local before = client:stats().requests
    local result = f(...)
    return client:stats().requests - before, result
  end

  describe("a namespace", function ()
    it("that is renamed, and renamed back", function ()
      local script = ns:script "a"
      upload("a", { tags = { "x" } })
      local before, old = ns:details(), ns.name
      local details = ns:rename "new name"
      assert.are.same({ before.namespace_id, "new name", 1 },
        { details.namespace_id, details.namespace_name, details.script_count })
      assert.are.same({ "x" }, script:tags())
      assert.is_false(client:namespace(old):exists())
      ns:rename(old)
      assert.are.equal(before.namespace_id, ns:details().namespace_id)
      assert.are.same({ "x" }, script:tags())
    end)

    it("whose new name is taken, or its own", function ()
      local other = client:create_namespace "other"
      assert.are.equal("namespace_exists", reason(ns.rename, ns, "other"))
      assert.is_truthy(ns.name:find "^collection")
      assert.is_true(other:exists() and ns:exists())
      assert.are.equal(ns.name, ns:rename(ns.name).namespace_name)
      assert.are.equal("namespace_not_found", reason(ns.rename, client:namespace "lost", "x"))
    end)

    it("that is trusted, and keeps that when it is renamed", function ()
      assert.is_false(ns:details().trusted_workers)
      assert.is_true(ns:set_trusted(true).trusted_workers)
      assert.is_true(ns:rename("trusted").trusted_workers)
      assert.is_true(ns:details().trusted_workers)
      assert.is_false(ns:patch({ trusted_workers = false }).trusted_workers)
    end)

    it("that is updated as a whole", function ()
      local details = ns:update { name = "whole", trusted_workers = true }
      assert.are.same({ "whole", true }, { details.namespace_name, details.trusted_workers })
      assert.is_false(ns:update({ name = "whole", trusted_workers = false }).trusted_workers)
    end)
  end)

  describe("tags", function ()
    it("that are put, added and removed", function ()
      upload "a"
      local script = ns:script "a"
      assert.are.same({}, script:tags())
      assert.are.same({ "plan:pro", "ü / ;=" }, script:put_tags { "plan:pro", "ü / ;=" })
      script:add_tag "x/y"
      script:add_tag "x/y"
      assert.are.same({ "plan:pro", "ü / ;=", "x/y" }, script:tags())
      script:delete_tag "ü / ;="
      script:delete_tag "not there"
      assert.are.same({ "plan:pro", "x/y" }, script:tags())
      assert.are.same({ "plan:pro", "x/y" }, script:details().script.tags)
      assert.are.same({}, script:put_tags {})
      assert.are.same({}, script:tags())
    end)

    it("of which there are enough", function ()
      local tags = {}
      for i = 1, 10 do tags[i] = "t" .. i end
      upload("a", { tags = tags })
      local err = select(2, moonherd.try(ns:script("a").add_tag, ns:script "a", "t11"))
      assert.are.same({ "too_many_tags", "not_applied" }, { err.reason, err.outcome })
      assert.are.equal(10, #ns:script("a"):tags())
    end)

    it("of a script that is not there", function ()
      local script = ns:script "lost"
      for _, call in ipairs { { "tags" }, { "put_tags", {} }, { "add_tag", "x" },
        { "delete_tag", "x" }, { "bindings" } } do
        assert.are.equal("script_not_found", reason(script[call[1]], script, call[2]), call[1])
      end
    end)
  end)

  it("bindings", function ()
    upload("a", { bindings = { PLAN = "pro", KEY = { type = "secret_text", text = "s3cret" } } })
    local by_name = {}
    for _, binding in ipairs(ns:script("a"):bindings()) do by_name[binding.name] = binding end
    assert.are.same({ "plain_text", "pro" }, { by_name.PLAN.type, by_name.PLAN.text })
    assert.are.same({ name = "KEY", type = "secret_text" }, by_name.KEY)
  end)

  describe("lists", function ()
    it("with what they include", function ()
      for i = 1, 12 do
        upload("s" .. 10 + i, { tags = { "n:" .. i }, bindings = {
          N = tostring(i), KEY = { type = "secret_text", text = "k" },
        } })
      end
      local names = {}
      local include = { "settings", "bindings", "secrets", "tags", "content" }
      local requests = requests_of(function ()
        for script, info in ns:scripts { include = include, page_size = 5, concurrency = 4 } do
          names[#names + 1] = script.name
          assert.are.equal("2026-10-01", info.settings.compatibility_date)
          assert.are.equal(2, #info.bindings)
          assert.are.same({ "KEY" }, { info.secrets[1].name })
          assert.are.same({ "n:" .. #names }, info.tags)
          assert.are.equal(CODE, info.content.modules["a.mjs"].content)
          assert.is_nil(info.missing)
        end
      end)
      assert.are.equal("s11 s12 s13 s14 s15 s16 s17 s18 s19 s20 s21 s22", table.concat(names, " "))
      assert.are.equal(3 + 12 * 4, requests) -- the list has the tags
    end)

    it("which several tasks share", function ()
      for i = 1, 30 do upload("s" .. i) end
      for _, opts in ipairs { { page_size = 4 }, { page_size = 8, include = { "settings" } } } do
        local seen, next_script = {}, ns:scripts(opts)
        moonherd.scope(function ()
          for _ = 1, 5 do
            moonherd.spawn(function ()
              for script in next_script do
                seen[#seen + 1] = script.name
                moonherd.sleep(0)
              end
            end)
          end
        end)
        table.sort(seen)
        for i = 2, #seen do assert.are_not.equal(seen[i - 1], seen[i]) end
        assert.are.equal(30, #seen)
      end
    end)

    it("of which a script vanishes meanwhile", function ()
      for _, name in ipairs { "a", "b", "c" } do upload(name) end
      local missing = {}
      for script, info in ns:scripts { include = { "settings" }, concurrency = 1 } do
        if script.name == "a" then ns:script("b"):delete() end
        missing[#missing + 1] = info.missing or false
      end
      assert.are.same({ false, true, false }, missing)
    end)
  end)

  describe("bulk deletes", function ()
    local function names()
      local list = {}
      for script in ns:scripts() do list[#list + 1] = script.name end
      return table.concat(list, " ")
    end

    before_each(function ()
      upload("a", { tags = { "customer:1" } })
      upload("b", { tags = { "customer:1", "keep" } })
      upload("c", { tags = { "customer:2" } })
      upload "d"
    end)

    it("by tags, after a dry run", function ()
      local plan = ns:delete_scripts { tags = { "customer:1" }, dry_run = true }
      assert.are.same({ 2, { "a", "b" }, true }, { plan.count, plan.names, plan.dry_run })
      assert.are.equal("a b c d", names())
      local requests, result = requests_of(ns.delete_scripts, ns,
        { tags = { "customer:1" }, expect = plan.count })
      assert.are.same({
        count = 2, names = { "a", "b" }, dry_run = false, unknown_ids = {}, unconfirmed = {},
        more = false, requests = requests,
      }, result)
      assert.are.equal("c d", names())
    end)

    it("by tags that are not wanted", function ()
      local result = ns:delete_scripts { tags = { ["customer:1"] = true, keep = false } }
      assert.are.same({ "a" }, result.names)
      result = ns:delete_scripts { tags = { keep = false }, all = true }
      assert.are.same({ "c", "d" }, result.names)
      assert.are.equal("b", names())
    end)

    it("of everything", function ()
      assert.are.equal(4, ns:delete_scripts({ all = true, expect = 4 }).count)
      assert.are.equal("", names())
      assert.are.equal(0, ns:delete_scripts({ all = true }).count)
    end)

    it("that are refused", function ()
      local function refused(opts) return reason(ns.delete_scripts, ns, opts) end
      assert.are.equal("too_many_scripts", refused { all = true, max = 3 })
      assert.are.equal("unexpected_count", refused { all = true, expect = 3 })
      assert.are.equal("usage", refused {})
      assert.are.equal("a b c d", names())
      assert.are.equal("namespace_not_found",
        reason(ns.delete_scripts, client:namespace "lost", { all = true }))
    end)
  end)

  it("what is live", function ()
    local script = ns:script "a"
    local result = upload "a"
    assert.are.equal(result.etag, script:wait_live({ etag = result.etag }).script.etag)
    assert.are.equal(result.etag, script:wait_live().script.etag)
  end)
end)
