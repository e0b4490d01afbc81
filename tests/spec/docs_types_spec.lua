-- The definitions for editors, as an editor reads them: every annotation is one it knows, every
-- type can be read, every class that is referred to is there. And the scripts of examples/ are
-- checked against them: what they call is defined, with the options they give.
local borrowed = require "moonherd.docs.borrowed"
local doc_types = require "tests.spec.support.doc_types"
local fs = require "moonherd.fs"
local index = require "moonherd.docs.index"
local types = require "moonherd.docs.types"

local files = types.files()

describe("the reader of types", function ()
  for text, names in pairs {
    ["string?"] = "", ["table<string, any>[]"] = "", ["fun(a: string, b?: x.y): z?, ..."] = "x.y z",
    ["{ [string]: a, b?: integer }|nil"] = "a", ['"one"|"two"|false_one'] = "false_one",
    ["(string|a)[]"] = "a", ["fun(): moonherd.entry?"] = "moonherd.entry",
  } do
    it("reads " .. text, function ()
      local found, rest = doc_types.read(text)
      assert.equal(names, table.concat(found, " "))
      assert.equal("", rest)
    end)
  end
  for _, text in ipairs { "", "table<string", "fun(", "{ a }", "|string", "(a" } do
    it("refuses '" .. text .. "'", function ()
      assert.is_false((pcall(doc_types.read, text)))
    end)
  end
end)

-- ---- annotations -------------------------------------------------------------------------------

-- Each gives the types in what stands behind the tag, and the name that it defines.
local TAGS = {
  meta = function () end, async = function () end,
  class = function (rest) return nil, rest end,
  alias = function (rest)
    local name, kind = rest:match "^(%S+)%s+(.*)$"
    return kind, name
  end,
  field = function (rest)
    return rest:match "^[%a_][%w_]*%??%s+(.*)$" or rest:match "^%[integer%]%s+(.*)$"
  end,
  param = function (rest) return rest:match "^[%a_.][%w_.]*%??%s+(.*)$" end,
  ["return"] = function (rest) return rest end,
  overload = function (rest) return rest end,
}

local function each_annotation(use)
  for path, text in pairs(files) do
    for line in text:gmatch "[^\n]+" do
      local tag, rest = line:match "^%-%-%-@(%w+)%s*(.*)$"
      if tag then use(path, line, tag, rest) end
    end
  end
end

describe("the definitions", function ()
  local defined, referred = { moonherd = true, file = true }, {} -- editors know file* themselves

  it("have tags and types that can be read", function ()
    each_annotation(function (path, line, tag, rest)
      local read = assert(TAGS[tag], path .. ": " .. line)
      local kind, name = read(rest)
      if name then defined[name] = true end
      if tag == "class" or tag == "meta" or tag == "async" then return end
      local ok, names = pcall(doc_types.read, kind or "")
      assert(ok, ("%s: %s: %s"):format(path, line, names))
      for _, referent in ipairs(names) do referred[referent] = path .. ": " .. line end
    end)
  end)

  it("define what they refer to", function ()
    for name, where in pairs(referred) do
      assert(defined[name], ("%s in %s"):format(name, where))
    end
  end)

  it("have no class twice", function ()
    local seen = {}
    each_annotation(function (path, _, tag, rest)
      if tag ~= "class" then return end
      assert(not seen[rest], ("%s in %s and %s"):format(rest, path, seen[rest]))
      seen[rest] = path
    end)
  end)

  it("name every parameter that they describe", function ()
    for path, text in pairs(files) do
      local params = {}
      for line in text:gmatch "[^\n]+" do
        local param = line:match "^%-%-%-@param ([%w_.]+)"
        if param then params[#params + 1] = param end
        local given = line:match "^function [^(]*%((.*)%) end"
        if given then
          assert.equal(given, table.concat(params, ", "), path .. ": " .. line)
          params = {}
        end
      end
    end
  end)
end)

-- ---- the examples ------------------------------------------------------------------------------

-- What is no part of moonherd: strings, files, and what the examples define themselves.
local OF_LUA = {}
for name in pairs(string) do OF_LUA[name] = true end
for name in ("lines read write close seek flush setvbuf"):gmatch "%a+" do OF_LUA[name] = true end

local entries = {} -- last name -> entries
for entry in index.each() do
  local last = entry.name:match "[%w_]+$"
  entries[last] = entries[last] or {}
  table.insert(entries[last], entry)
end

-- A script without comments, and with the contents of its strings blanked.
local function plain(text)
  text = text:gsub("%-%-%[%[.-%]%]", ""):gsub("%[%[.-%]%]", '""')
  local pieces = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    line = line:gsub('\\"', "xx"):gsub('"[^"]*"', '""'):gsub("'[^']*'", '""'):gsub("%-%-.*$", "")
    pieces[#pieces + 1] = line
  end
  return table.concat(pieces, "\n"):gsub("^#![^\n]*", "")
end

-- The names of a table that is written out, without those of the tables and functions in it.
local function keys_of(text)
  local inner = text:sub(2, -2):gsub("%b{}", "{}"):gsub("%b()", "()")
    :gsub("%f[%w_]function%f[^%w_].-%f[%w_]end%f[^%w_]", "f")
  local keys = {}
  for key in inner:gmatch "%f[%w_]([%a_][%w_]*)%s*=%f[^=]" do keys[#keys + 1] = key end
  return keys
end

-- The options that any of the functions of this name takes; nil when one takes any table.
local function options_of(list)
  local known, has_any = {}, false
  for _, entry in ipairs(list) do
    for _, field in ipairs(entry.kind == "function" and borrowed.fields(entry) or {}) do
      known[field.name:match "[%w_]+$"], has_any = true, true
    end
  end
  return has_any and known or nil
end

-- Fields that the API takes under the same names stand in the words of script:upload.
local function is_in_words(list, key)
  for _, entry in ipairs(list) do
    local words = table.concat(entry.block.words, " ")
    if words:find("%f[%w_]" .. key .. "%f[^%w_]") then return true end
  end
end

local function check_options(list, name, text)
  local known = options_of(list)
  for _, key in ipairs(known and keys_of(text) or {}) do
    assert(known[key] or is_in_words(list, key), ("%s takes no '%s'"):format(name, key))
  end
end

local function check_calls(text)
  for path, at in text:gmatch "%f[%w_]moonherd%.([%w_.]+)%s*()" do
    local list = index.find("moonherd." .. path)
    local first = index.find("moonherd." .. path:match "^[%w_]+")[1]
    assert(#list == 1 or first and first.kind ~= "module", "there is no moonherd." .. path)
    local given = text:match("^%(?%s*(%b{})", at)
    if given and list[1] then check_options(list, path, given) end
  end
  for name, at in text:gmatch "[%w_\")%]]:([%a_][%w_]*)%s*()%f[\"'{(]" do
    local list = entries[name]
    assert(list or OF_LUA[name], ("nothing has a method '%s'"):format(name))
    local given = list and text:match("^%(?%s*(%b{})", at)
    if given then check_options(list, name, given) end
  end
end

describe("what the examples call is defined", function ()
  for _, path in ipairs(fs.glob "examples/{,testing/,testing/**/}*.lua") do
    it(path, function () check_calls(plain(fs.read(path))) end)
  end

  it("and what nobody defines is found", function ()
    for _, wrong in ipairs {
      "moonherd.conect()", 'ns:scripts { tag = "" }', "ns:uplaod {}", 'moonherd.fs.reed ""',
      "moonherd.retry({ tries = 3 })",
    } do
      assert.is_false((pcall(check_calls, wrong)), wrong)
    end
  end)
end)
