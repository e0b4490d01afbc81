-- The scripts of a namespace together: contract §4.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"
local shapes = require "tests.conformance.shapes"

local NONE = json.array {}

-- Uploads one script with tags.
local function make(name, tags)
  return { "PUT NS/scripts/" .. name, form = requests.upload { tags = tags } }
end

-- The ids that a list with this query holds, in order.
local function finds(query, names)
  local entries = json.array {}
  for i, name in ipairs(names) do entries[i] = { id = name, script = { id = name } } end
  return { "GET NS/scripts?" .. query, expect = { result = entries } }
end

local function invalid(request)
  return { request, expect = { code = 10021 } }
end

local list = {
  operation = "GET NS/scripts",
  {
    name = "an empty namespace",
    source = "§4.1",
    needs = { namespace = true },
    { "GET NS/scripts", expect = { result = NONE } },
  },
  {
    name = "entries hold the script, and its name and tags beside it",
    source = "§4.1",
    needs = { namespace = true, script = { tags = { "a", "b" } } },
    { "GET NS/scripts", expect = { result = { {
      id = "{script}", tags = { "a", "b" }, dispatch_namespace = "{ns}",
      created_on = match.time, modified_on = match.time,
      script = match.all(shapes.script, { id = "{script}", tags = { "a", "b" } }),
    } } } },
  },
  {
    name = "by name, byte by byte",
    source = "§4.1",
    needs = { namespace = true },
    make "b", make "a-1", make "_", make "B", make "a", make "%C3%A4",
    finds("", { "B", "_", "a", "a-1", "b", "ä" }),
  },
  {
    name = "pages, and no cursor after the last",
    source = "§1.7",
    needs = { namespace = true },
    make "a", make "b", make "c",
    { "GET NS/scripts?limit=2", expect = {
      result = { { id = "a" }, { id = "b" } },
      result_info = { cursor = match.save("cursor", match.pattern "."), count = 2, per_page = 2 },
    } },
    { "GET NS/scripts?limit=2&cursor={cursor}", expect = {
      result = { { id = "c" } },
      result_info = match.optional { cursor = match.optional "" },
    } },
    { "GET NS/scripts?limit=3", expect = {
      result = { { id = "a" }, { id = "b" }, { id = "c" } },
      result_info = match.optional { cursor = match.optional "" },
    } },
  },
  {
    name = "tags that must be there, and that must not, all at once",
    source = "§4.3",
    needs = { namespace = true },
    make("a", { "x", "y" }), make("b", { "x" }), make("c", { "y" }), make "d",
    finds("tags=x:yes", { "a", "b" }),
    finds("tags=x:no", { "c", "d" }),
    finds("tags=x:yes,y:no", { "b" }),
    finds("tags=x:yes,y:yes", { "a" }),
    finds("tags=z:yes", {}),
    finds("tags=x:no&limit=1", { "c" }),
  },
  {
    name = "tags with colons, spaces and other letters; separators raw or encoded",
    source = "§4.3",
    needs = { namespace = true },
    make("a", { "team:blue:yes", "größe 木" }), make("b", { "team:blue" }), make("c", { "a=b;c/d" }),
    finds("tags=team:blue:yes", { "b" }),
    finds("tags=team%3Ablue%3Ayes", { "b" }),
    finds("tags=team:blue:yes:yes", { "a" }),
    finds("tags=gr%C3%B6%C3%9Fe%20%E6%9C%A8:yes", { "a" }),
    finds("tags=gr%C3%B6%C3%9Fe%20%E6%9C%A8%3Ayes%2Cteam%3Ablue%3Ano", { "a" }),
    finds("tags=a%3Db%3Bc%2Fd:yes", { "c" }),
  },
  {
    name = "a filter that is none",
    source = "§4.3",
    invalid "GET NS/scripts?tags=x",
    invalid "GET NS/scripts?tags=x:maybe",
    invalid "GET NS/scripts?tags=x:yes,y",
    invalid "GET NS/scripts?tags=x:YES",
    invalid "GET NS/scripts?tags=:yes",
  },
  {
    name = "a limit is a whole number up to 1000",
    source = "§1.7",
    { "GET NS/scripts?limit=1000" },
    invalid "GET NS/scripts?limit=0",
    invalid "GET NS/scripts?limit=1001",
    invalid "GET NS/scripts?limit=many",
  },
}

local function deletes(query, ids, has_more)
  local deleted = json.array {}
  for i, id in ipairs(ids) do deleted[i] = match.exactly { id = id } end
  return { "DELETE NS/scripts" .. query, expect = { result = match.exactly {
    deleted = deleted, deleted_count = #ids, has_more = has_more,
  } } }
end

local function save_tag(name)
  return { "GET NS/scripts/" .. name,
    expect = { result = { script = { tag = match.save("tag_of_" .. name) } } } }
end

local delete = {
  operation = "DELETE NS/scripts",
  {
    name = "two at a time over five",
    source = "§4.2, §20.7",
    needs = { namespace = true },
    make "a", make "b", make "c", make "d", make "e",
    save_tag "a", save_tag "b", save_tag "c", save_tag "d", save_tag "e",
    deletes("?limit=2", { "{tag_of_a}", "{tag_of_b}" }, true),
    deletes("?limit=2", { "{tag_of_c}", "{tag_of_d}" }, true),
    deletes("?limit=2", { "{tag_of_e}" }, false),
    { "GET NS/scripts", expect = { result = NONE } },
    { "GET NS", expect = { result = { script_count = 0 } } },
  },
  {
    name = "exactly as many as the limit",
    source = "§4.2",
    needs = { namespace = true },
    make "a", make "b",
    { "DELETE NS/scripts?limit=2", expect = { result = { deleted_count = 2, has_more = false } } },
  },
  {
    name = "those with the tags alone",
    source = "§4.2",
    needs = { namespace = true },
    make("a", { "old" }), make("b", { "old", "kept" }), make "c",
    save_tag "a",
    deletes("?tags=old:yes,kept:no", { "{tag_of_a}" }, false),
    finds("", { "b", "c" }),
  },
  {
    name = "all of them without a filter",
    source = "§4.2",
    needs = { namespace = true },
    make "a", make "b",
    { "DELETE NS/scripts", expect = { result = { deleted_count = 2, has_more = false } } },
    deletes("", {}, false),
  },
  {
    name = "secrets and tags go with the script",
    source = "§6.2",
    needs = { namespace = true, script = { tags = { "a" },
      bindings = { { type = "secret_text", name = "KEY", text = "value" } } } },
    { "DELETE NS/scripts" },
    requests.put(),
    { "GET SCR/secrets", expect = { result = NONE } },
    { "GET SCR/tags", expect = { result = NONE } },
  },
  {
    name = "a filter or a limit that is none, and nothing is deleted",
    source = "§4.2, §4.3",
    needs = { namespace = true, script = true },
    invalid "DELETE NS/scripts?tags=x",
    invalid "DELETE NS/scripts?tags=x:maybe",
    invalid "DELETE NS/scripts?limit=0",
    invalid "DELETE NS/scripts?limit=1001",
    invalid "DELETE NS/scripts?limit=x",
    { "GET SCR" },
  },
}

return { list, delete }
