-- Paths into JSON: moonherd api --field.
local field = require "moonherd.cli.field"

describe("a path into JSON", function ()
  local answer = {
    result = { { name = "a", tags = { "x", "y" } }, { name = "b", tags = {} }, {} },
    result_info = { count = 3 },
  }

  for path, lines in pairs {
    ["result[].name"] = { "a", "b" }, ["result[1].name"] = { "b" },
    ["result[].tags[]"] = { "x", "y" },
    ["result_info.count"] = { "3" }, ["result_info"] = { '{"count":3}' }, ["nothing.there"] = {},
    ["result[9]"] = {}, ["result_info.count.more"] = {},
  } do
    it("finds " .. path, function ()
      local found = {}
      for i, value in ipairs(field.values(answer, field.compile(path))) do
        found[i] = field.line(value)
      end
      assert.same(lines, found)
    end)
  end

  it("says which name is nowhere, but of an empty list nothing", function ()
    local function missing(path) return (select(2, field.values(answer, field.compile(path)))) end
    assert.same({ name = "results", names = { "result", "result_info" } }, missing "results[].name")
    assert.same({ name = "nam", names = {} }, missing "result[].nam") -- of the last item
    assert.is_nil(missing "result[].name")
    assert.is_nil(missing "result[1].tags[].x")
    assert.is_nil(missing "result[9].x")
  end)

  for _, path in ipairs { "", ".", ".a", "a..b", "a.", "a[", "a[x]", "a[]b", "a]" } do
    it("is not '" .. path .. "'", function () assert.is_nil(field.compile(path)) end)
  end
end)
