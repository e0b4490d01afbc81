-- The doc comments and what is made of them: help, types, reference pages.
local comments = require "moonherd.docs.comments"
local index = require "moonherd.docs.index"
local pages = require "moonherd.docs.pages"
local stand_in = require "tests.spec.support.stand_in"
local text = require "moonherd.docs.text"
local types = require "moonherd.docs.types"

describe("a doc comment", function ()
  local source = comments.read [[
local M = {}

--- Does it.
---
--- More words.
---@async
---@param opts? table  what to do
---@field opts.size? integer  bytes;
---  default 5
---@param ... any
---@return fun(a: string, b?: table): table reader  reads it
---@return string
---@error io not_found  when it is
---  not there
---@example
--- M.f { size = 3 }
function M.f(opts,
             ...)
end

function M.bare() end

--- A thing.
---@class thing
---@field name string
local Thing = {}

function Thing:go() end
return M
]]
  local f = source.functions[1]

  it("belongs to the function below it", function ()
    assert.same({ "M", ".", "f" }, { f.owner, f.separator, f.name })
    assert.same({ "opts", "..." }, f.parameters)
    assert.equal("M", source.returned)
    assert.is_nil(source.functions[2].block)
  end)

  it("has words and tags", function ()
    local block = f.block
    assert.same({ "Does it.", "", "More words." }, block.words)
    assert.is_true(block.is_async)
    assert.same({ name = "opts", optional = true, type = "table", text = "what to do" },
      block.params[1])
    assert.equal("bytes; default 5", block.fields[1].text)
    assert.same({ "M.f { size = 3 }" }, block.examples[1])
    assert.same({ kind = "io", reason = "not_found", reasons = { "not_found" },
      text = "when it is not there" }, block.errors[1])
  end)

  it("has types with spaces in their brackets", function ()
    assert.same({ type = "fun(a: string, b?: table): table", name = "reader", text = "reads it" },
      f.block.returns[1])
    assert.same({ type = "string", text = "" }, f.block.returns[2])
  end)

  it("may be a class", function ()
    assert.same({ "thing", "Thing", 1 },
      { source.named[1].class, source.named[1].owner, #source.named[1].fields })
  end)
end)

describe("every public name", function ()
  for entry in index.each() do
    it(entry.name .. " is documented", function ()
      local block = assert(entry.block, "there is no doc comment")
      assert(table.concat(block.words):find "%S", "it says nothing in words")
      for _, list in ipairs { block.params, block.fields, block.returns } do
        for _, item in ipairs(list) do assert(item.type ~= "", "a type is missing") end
      end
      if entry.kind ~= "function" then return end
      assert(#block.examples > 0, "there is no example")
      local named = {}
      for _, param in ipairs(block.params) do named[param.name] = true end
      for _, name in ipairs(entry.parameters) do
        assert(named[name] or name == "self", name .. " is not documented")
      end
    end)
  end

end)

describe("every method of a handle", function ()
  local server
  before_each(function () server = stand_in.new() end)
  after_each(function () server:close() end)

  it("is a public name", function ()
    local client = stand_in.without_host_options(function () return server:connect() end)
    local ns = client:namespace "a"
    local handles = { client = client, namespace = ns, script = ns:script "b" }
    for class, handle in pairs(handles) do
      for name, value in pairs(getmetatable(handle)) do
        local is_method = type(value) == "function" and not name:find "^_"
        if is_method then assert.equal(1, #index.find(class .. ":" .. name), name) end
      end
    end
  end)
end)

describe("help", function ()
  local function names(found)
    local list = {}
    for i, entry in ipairs(found) do list[i] = entry.name end
    return list
  end

  it("finds a name however it is written", function ()
    for given, name in pairs {
      ["moonherd.map"] = "moonherd.map", map = "moonherd.map", ["script.upload"] = "script:upload",
      ["ns:scripts"] = "namespace:scripts", ["fs.read"] = "moonherd.fs.read", task = "task",
      ["os.exit"] = "os.exit", null = "moonherd.null", ["map()"] = "moonherd.map",
    } do
      assert.same({ name }, names(index.find(given)))
    end
  end)

  it("lists the names that end so", function ()
    assert.same({ "job:upload", "script:upload" }, names(index.find "upload"))
  end)

  it("knows the nearest one", function ()
    assert.equal("script:upload", index.nearest "script:uplod")
    assert.equal("moonherd.gather", index.nearest "gahter")
    assert.is_nil(index.nearest "xxxxxxxxx")
  end)

  it("fits its width", function ()
    local wrapped = text.wrap("one two three four five", 2, 12)
    assert.equal("  one two\n  three\n  four five", wrapped)
    assert.equal("  incomprehensible\n  word", text.wrap("incomprehensible word", 2, 8))
  end)

  it("says all of it", function ()
    local said = text.of_entry(index.find("moonherd.timeout")[1])
    for _, part in ipairs { "moonherd.timeout(t, f, ...)", "(waits)", "Arguments", "Errors",
      "Example" } do
      assert(said:find(part, 1, true), part)
    end
  end)
end)

describe("definitions for editors", function ()
  local files = types.files()

  it("are Lua, and have every public name", function ()
    local all = {}
    for path, code in pairs(files) do
      assert(load(code, "=" .. path, "t"))
      all[#all + 1] = code
    end
    local whole = table.concat(all)
    for entry in index.each() do
      local last = entry.name:match "[%w_]+$"
      local is_there = whole:find("[.:]" .. last .. "%(") or whole:find("@field " .. last .. " ")
        or whole:find("moonherd." .. last, 1, true)
      assert(is_there or not entry.name:find "moonherd", entry.name)
    end
  end)

  it("name the options and classes", function ()
    assert(files["moonherd.lua"]:find("---@return moonherd.client client", 1, true))
    assert(files["moonherd.lua"]:find("---@class moonherd.connect.opts\n", 1, true))
    assert(files["moonherd.lua"]:find("---@class moonherd.connect.opts.retry\n", 1, true))
    assert(files["moonherd/class/script.lua"]
      :find "%-%-%-@async\n[^\n]+\n[^\n]+\nfunction script:upload%(")
  end)
end)

describe("pages of reference", function ()
  it("lead to each other", function ()
    local files, count = pages.files(), 0
    for name, page in pairs(files) do
      for target in page:gmatch "%]%(([^)]*)%)" do
        count = count + 1
        assert(files[target], ("%s leads to %s"):format(name, target))
      end
    end
    assert(count > 100, count)
    assert(files["client.md"]:find("Returned by [`moonherd.connect`](moonherd.md).", 1, true))
    assert(files["moonherd.md"]:find("`duration` ([`duration`](moonherd.md))", 1, true))
    assert(files["http.md"]:find("those of [`moonherd.http.request`](http.md)", 1, true))
  end)

  it("list all names by topic, and tell of errors", function ()
    local files = pages.files()
    local list = files["moonherd.md"]:match "%*%*Many things at once%*%*\n\n(.-)\n\n"
    assert(list:find("- `moonherd.map`: Calls `f` for every item, ", 1, true))
    assert(list:find("- [`task`](task.md): Something that runs ", 1, true))
    assert(files["errors.md"]:find("\n- 10021 `validation`: ", 1, true))
    for name, page in pairs(files) do assert.is_nil(page:find(": \n", 1, true), name) end
  end)

  it("are one for each module and class, and one for the rest", function ()
    local files = pages.files()
    assert(files["fs.md"]:find "## `moonherd.fs.read%(path, opts%) %-> bytes`")
    assert(files["script.md"]:find("```lua", 1, true))
    assert(files["moonherd.md"]:find("[`script`](script.md)", 1, true))
  end)
end)
