-- What moonherd help says beyond the doc comments: all names by topic, words of errors, near names.
local failures = require "moonherd.docs.failures"
local index = require "moonherd.docs.index"
local topics = require "moonherd.docs.topics"
local text = require "moonherd.docs.text"
local codes = require "moonherd.cloudflare.errors".codes

describe("the list of all names", function ()
  it("has each of them once", function ()
    local seen = {}
    for _, topic in ipairs(topics.all()) do
      for _, entry in ipairs(topic.entries) do
        assert.is_nil(seen[entry], entry.name)
        seen[entry] = true
      end
    end
    for _, entry in ipairs(index.all()) do
      assert(seen[entry], entry.name .. " belongs to no topic of docs/topics.lua")
    end
  end)

  it("has a line for each, on a wide terminal", function ()
    text.set_columns(70)
    local listed = topics.text()
    text.set_columns(nil)
    assert(listed:find("\n  moonherd.map            Calls `f` for every item, ", 1, true))
    assert(listed:find("\n  task (objects)          ", 1, true))
    for line in listed:gmatch "[^\n]+" do
      assert(utf8.len(line) <= 79, line)
    end
  end)

  it("has them below each other on a narrow one", function ()
    text.set_columns(30)
    local listed = topics.text()
    text.set_columns(nil)
    assert(listed:find("\n  moonherd.sleep\n      Waits; other tasks run\n", 1, true))
  end)
end)

describe("a word of errors", function ()
  it("may be all of them", function ()
    local all = failures.text "errors"
    for _, row in ipairs(codes()) do
      assert(all:find(("\n  %d  %s\n"):format(row.code, row.reason), 1, true), row.code)
    end
  end)

  it("may be a kind: whatever is raised has one that is told of", function ()
    for entry in index.each() do
      for _, err in ipairs(entry.block and entry.block.errors or {}) do
        local reason = (err.reasons or {})[1]
        local told = reason and failures.text(err.kind) or ""
        assert(not reason or told:find("\n  " .. reason .. "\n", 1, true), entry.name)
      end
    end
  end)

  it("may be a code", function ()
    for _, row in ipairs(codes()) do
      local told = failures.text(tostring(row.code))
      assert(told:find(("%d: a code of the API\n"):format(row.code), 1, true))
      assert(told:find('"' .. row.reason .. '"', 1, true))
    end
  end)

  it("may be a reason", function ()
    local told = failures.text "namespace_exists"
    assert(told:find "^namespace_exists: a reason of errors of kind api\n")
    assert(told:find "\n  100120: client:ensure_namespace takes one that is there\n")
    assert(told:find "\nRaised by\n  client:create_namespace, ")
    assert(failures.text "disk_full":find "^disk_full: a reason of errors of kind io\n")
  end)

  it("is none of another sort", function ()
    for _, word in ipairs { "", "nonsense", "12345", "map", "none" } do
      assert.is_nil(failures.text(word))
    end
  end)
end)

describe("the name that is nearest", function ()
  for given, nearest in pairs {
    ["fs.raed"] = "moonherd.fs.read",
    ["json.decod"] = "moonherd.json.decode",
    ["ns:uplaod"] = "job:upload' or 'script:upload", -- a namespace has none
    ["ns:scipts"] = "namespace:scripts",
    ["client:ensure"] = "client:ensure_namespace",
    ["db:row"] = "database:rows",
  } do
    it(("to %s is %s"):format(given, nearest), function ()
      assert.equal(nearest, index.nearest(given))
    end)
  end

  it("to the usual name of an object is that of its class", function ()
    assert.equal("database:rows", index.find "db:rows"[1].name)
    assert.equal("namespace:scripts", index.find "ns:scripts"[1].name)
    assert.equal("error", index.find "err"[1].name)
  end)
end)
