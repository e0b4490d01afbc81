-- The forms in which clients send an upload, contract §5.3: those that are taken, and those that
-- the service refuses.

local json = require "moonherd.json"
local support = require "tests.spec.support.platform"

local ok, refused, file, form, ESM = support.ok, support.refused, support.file, support.form,
  support.ESM
local SCRIPT = "/prod/scripts/customer-a"

describe("an upload is taken from", function ()
  local server

  setup(function ()
    server = support.start()
    server:make_namespace "prod"
  end)
  teardown(function () server:close() end)
  before_each(function () server:api("DELETE", SCRIPT) end)

  local function send(parts)
    return server:api("PUT", SCRIPT, { form = parts })
  end

  it("wrangler: metadata without a type, name and filename equal, a source map", function ()
    ok(send(form({ main_module = "index.js", bindings = json.array {},
      code_update_strategy = { mode = "deferred", max_delay = 300 } }, {
      file("index.js", support.SOURCE),
      file("index.js.map", "{}", "application/source-map"),
    })))
  end)

  it("curl: metadata as a file, behind the module", function ()
    ok(send {
      file("worker.mjs", support.SOURCE),
      { name = "metadata", filename = "metadata.json", content_type = "application/json",
        content = '{"main_module":"worker.mjs"}' },
    })
  end)

  it("Cloudflare's example: part `script`, named by its filename", function ()
    local result = ok(send {
      { name = "metadata", filename = "metadata.json", content_type = "application/json",
        content = '{"main_module":"x.mjs"}' },
      { name = "script", filename = "x.mjs", content_type = ESM, content = support.SOURCE },
    })
    assert.equal("x.mjs", result.entry_point)
  end)

  it("the Go SDK: all parts named `files`", function ()
    local result = ok(send {
      { name = "metadata", content_type = "application/json",
        content = '{"main_module":"a.js"}' },
      { name = "files", filename = "b.js", content_type = ESM, content = "export const b = 1" },
      { name = "files", filename = "a.js", content_type = ESM, content = support.SOURCE },
    })
    assert.equal("a.js", result.entry_point)
  end)

  it("a bare source, which is a service worker", function ()
    for _, content_type in ipairs { "application/javascript",
      "text/javascript; charset=utf-8" } do
      local result = ok(server:api("PUT", SCRIPT, {
        body = "addEventListener('scheduled', f)", headers = { ["content-type"] = content_type },
      }))
      assert.is_false(result.has_modules)
      assert.equal("scheduled", result.handlers[1])
    end
  end)

  it("nobody who flattens the metadata into fields", function ()
    refused(send {
      { name = "metadata[main_module]", content = "a.js" },
      { name = "files[]", filename = "a.js", content = support.SOURCE },
    }, 400, 10021)
  end)

  it("nobody who labels a form or JSON as JavaScript", function ()
    local body = '--b\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{}\r\n--b--\r\n'
    local function mislabelled(text)
      local options = { body = text, headers = { ["content-type"] = "application/javascript" } }
      return refused(server:api("PUT", SCRIPT, options), 400, 10021)[1].message
    end
    assert.equal("Uncaught SyntaxError: Invalid left-hand side expression in prefix operation "
      .. "at worker.js:1:4", mislabelled(body))
    assert.truthy(mislabelled('{"metadata":{"main_module":"a.js"}}'):find "^Uncaught SyntaxError")
  end)
end)
