-- Code from paths: what is said when they do not lead where they should. Nothing is sent then.
local stand_in = require "tests.spec.support.stand_in"

describe("an upload", function ()
  local server, script

  before_each(function ()
    server = stand_in.new()
    script = server:script()
  end)
  after_each(function () server:close() end)

  describe("from a path", function ()
    local function failure(option, path)
      local spec = { compatibility_date = "2026-10-01", main_module = "a.mjs", [option] = path }
      local ok, err = pcall(script.upload, script, spec)
      assert.is_false(ok)
      assert.are.equal(0, #server.requests)
      return err
    end

    it("that is not there says which option, which path, and where paths begin", function ()
      for _, option in ipairs { "file", "dir" } do
        local err = failure(option, "/none/of/this.mjs")
        assert.are.same({ "io", "not_found" }, { err.kind, err.reason })
        assert.is_truthy(err.message:find("script:upload: bad option '" .. option .. "'", 1, true))
        assert.is_truthy(err.message:find("/none/of/this.mjs", 1, true))
        assert.is_truthy(err.hint:find("script's folder", 1, true))
      end
    end)

    it("that is a folder and no file says what takes one", function ()
      local err = failure("file", "/tmp")
      assert.are.equal("usage", err.kind)
      assert.is_truthy(err.message:find("'/tmp' is a folder; 'dir' takes one", 1, true))
    end)
  end)
end)
