-- What the client makes of answers that are successes of the wrong shape, by mistake or on purpose:
-- each is an error that says what is wrong, and none is acted on.
local errors = require "moonherd.error"
local json = require "moonherd.json"
local stand_in = require "tests.spec.support.stand_in"

local ONE_MORE = { bindings = { MODE = "new" } }

describe("a success of the wrong shape", function ()
  local server, client, ns, script

  before_each(function ()
    server = stand_in.new()
    client = stand_in.without_host_options(function () return server:connect() end)
    ns = client:namespace "ns"
    script = ns:script "s"
  end)
  after_each(function () server:close() end)

  local function succeed(text)
    server:answer { body = '{"success":true,"errors":[],"messages":[],"result":' .. text .. "}" }
  end

  local function refused(f, ...)
    local ok, err = pcall(f, ...)
    assert.is_false(ok)
    assert.is_true(errors.is(err), tostring(err))
    assert.are.same({ "api", "bad_answer" }, { err.kind, err.reason })
    return err
  end

  local function each(texts, f, ...)
    for _, text in ipairs(texts) do
      succeed(text)
      refused(f, ...)
    end
  end

  local NO_LISTS = { "{}", '{"a":["b"]}', '"x"', "3", "[null]", "[[1]]", "[true]" }

  it("is no list", function ()
    each(NO_LISTS, client.namespaces, client)
    each(NO_LISTS, ns:scripts())
    each(NO_LISTS, script.bindings, script)
    each(NO_LISTS, script.secrets, script)
    each(NO_LISTS, script.tags, script)
  end)

  it("is no object", function ()
    for _, name in ipairs { "settings", "put_secrets" } do
      each({ "[]", '"x"', "3", "true", "[{}]" }, script[name], script, { A = "value of A" })
    end
    each({ "[]", "null", "3" }, ns.details, ns)
    each({ "[]", "null", "3" }, script.secret, script, "A")
    each({ "[]", "3" }, client.create_namespace, client, "new")
  end)

  it("may be null for a list that is empty", function ()
    succeed "null"
    assert.are.same({}, script:secrets())
  end)

  describe("of settings", function ()
    it("has no list of bindings: no patch is sent that would drop those that are live", function ()
      for _, text in ipairs {
        "{}", '{"bindings":null}', '{"bindings":{}}', '{"bindings":{"a":{"name":"KEY"}}}',
        '{"bindings":"x"}', '{"bindings":[3]}', '{"bindings":[null,{"name":"KEY"}]}',
        '{"bindings":[{"type":"ai"}]}', '{"bindings":[{"name":5}]}',
      } do
        succeed(text)
        refused(script.patch_settings, script, ONE_MORE)
        assert.are.equal("GET", server:last().method)
      end
    end)
  end)

  describe("of a bulk delete", function ()
    local function deletes(text)
      succeed '[{"id":"a","script":{"tag":"1"}},{"id":"b","script":{"tag":"2"}}]'
      succeed(text)
      return ns:delete_scripts { all = true }
    end

    it("has a number below zero, or ids that are none", function ()
      for _, text in ipairs {
        '{"deleted_count":-1,"has_more":true}', '{"deleted_count":"2"}', '{"deleted":{"x":"1"}}',
        '{"deleted":[null]}', '{"deleted":[{}]}', '{"deleted":[{"id":[]}]}', '{"deleted":[true]}',
      } do
        refused(deletes, text)
      end
    end)

    it("names a script twice: it counts once", function ()
      local result = deletes '{"deleted":["1","1","2"],"has_more":false}'
      assert.are.same({ 2, { "a", "b" } }, { result.count, result.names })
    end)

    it("names more than it counts: those are gone too, so no more may be deleted", function ()
      local result = deletes '{"deleted":["1","2"],"deleted_count":1,"has_more":true}'
      assert.are.same({ 2, 2 }, { result.count, #server.requests })
    end)
  end)

  it("leads from page to page in a circle", function ()
    for _, cursor in ipairs { "x", "y", "x" } do
      server:succeed(json.array {}, { result_info = { cursor = cursor } })
    end
    refused(ns:scripts())
    assert.are.equal(3, #server.requests)
  end)

  describe("of an upload session", function ()
    local FILES = { files = { ["/a.txt"] = "hi" } }

    it("has no lists for its buckets: nothing counts as complete", function ()
      for _, buckets in ipairs { "{}", '{"a":["x"]}', '[{"a":"x"}]', "[null]", '"x"' } do
        succeed('{"jwt":"of-the-session","buckets":' .. buckets .. "}")
        refused(script.upload_assets, script, FILES)
      end
    end)

    it("asks for one file twice: nothing is sent", function ()
      local function manifest_of(request) return json.decode(request.body).manifest end
      server:answer(function (request)
        local hash = manifest_of(request)["/a.txt"].hash
        return { body = json.encode {
          success = true, result = { jwt = "of-the-session", buckets = { { hash }, { hash } } },
        } }
      end)
      refused(script.upload_assets, script, FILES)
      assert.are.equal(1, #server.requests)
    end)

    it("asks for what is no hash: the message is one short line", function ()
      succeed([[{"jwt":"of-the-session","buckets":[["\u001b[2J]] .. ("x"):rep(5000) .. '"]]}')
      local err = refused(script.upload_assets, script, FILES)
      assert.is_true(#err.message < 200)
      assert.is_nil(err.message:find "%c")
    end)
  end)
end)
