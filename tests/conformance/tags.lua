-- Tags of a script: contract §10.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local get = requests.get
local NONE = json.array {}
local TEN = { "1", "2", "3", "4", "5", "6", "7", "8", "9", "10" }
local ELEVEN = table.move(TEN, 1, 10, 2, { "0" })

local TOO_MANY = { code = 10021, status = 403, errors = { { message =
  "You have exceeded the limit of 10 tags per Worker. Remove a tag to add another." } } }
local TOO_LARGE = { code = 10021, errors = { { message = "Tag is too large" } } }

local function set(tags, expect)
  return { "PUT SCR/tags", json = tags, expect = expect }
end

local with_tags = { script = { tags = { "a", "b" } } }

local replace = {
  operation = "PUT SCR/tags",
  {
    name = "replaces all, in the order given, each once",
    source = "§10",
    needs = with_tags,
    set({ "c", "b", "c", "d" }, { result = { "c", "b", "d" } }),
    get("SCR/tags", { "c", "b", "d" }),
    set(NONE, { result = NONE }),
    get("SCR/tags", NONE),
  },
  {
    name = "null is no tags",
    source = "§10",
    needs = with_tags,
    set(json.null, { result = NONE }),
    get("SCR/tags", NONE),
  },
  {
    name = "colons, semicolons, slashes, spaces, other letters",
    source = "§1.11",
    needs = "script",
    set({ "a:b;c=d/e f", "größe 木", "%41" }, { result = { "a:b;c=d/e f", "größe 木", "%41" } }),
  },
  {
    name = "makes no new version, but a new time of change",
    source = "§10, §14",
    needs = "script",
    { "GET SCR", expect = { result = { script = { etag = match.save "etag",
      modified_on = match.save "modified" } } } },
    set({ "a" }),
    get("SCR", { script = { etag = "{etag}", modified_on = match.other_than "modified",
      tags = { "a" } } }),
    get("SCR/settings", { tags = { "a" } }),
  },
  {
    name = "is no deployment: the client that deployed is another",
    source = "§10, §5.6",
    needs = "script",
    { "PUT SCR/tags", json = { "a" }, headers = { ["user-agent"] = "wrangler/4.164.0" } },
    { "PUT SCR/tags/b", headers = { ["user-agent"] = "wrangler/4.164.0" } },
    get("SCR", { script = { last_deployed_from = "api" } }),
  },
  {
    name = "ten, with a warning above the eight that are documented, and no more",
    source = "§10",
    needs = "script",
    set(TEN, { result = TEN, messages = match.with { message = match.string } }),
    set(ELEVEN, TOO_MANY),
    get("SCR/tags", TEN),
  },
  {
    name = "1024 bytes, and no more",
    source = "§10, §20.6",
    needs = "script",
    set { ("x"):rep(1024) },
    set({ ("x"):rep(1025) }, TOO_LARGE),
    set({ ("木"):rep(342) }, TOO_LARGE),
  },
  {
    name = "what a filter could not say",
    source = "§10",
    needs = with_tags,
    set({ "x,y" }, { code = 10021 }),
    set({ "x&y" }, { code = 10021 }),
    set({ "" }, { code = 10021 }),
    get("SCR/tags", { "a", "b" }),
  },
  {
    name = "what is no list of texts",
    source = "§10",
    needs = with_tags,
    set({ 5 }, { code = 10021 }),
    set({ tags = { "x" } }, { code = 10021 }),
    get("SCR/tags", { "a", "b" }),
  },
  {
    name = "a body that is not JSON, like the one with single quotes in the documentation",
    source = "§10",
    needs = with_tags,
    { "PUT SCR/tags", body = "['TAG1', 'TAG2']", type = "application/json",
      expect = { code = 10026 } },
    { "PUT SCR/tags", body = "", type = "application/json", expect = { code = 10026 } },
    get("SCR/tags", { "a", "b" }),
  },
}

local list = {
  operation = "GET SCR/tags",
  {
    name = "none, and those of the upload",
    source = "§10",
    needs = "script",
    get("SCR/tags", NONE),
    requests.put { tags = { "b", "a" } },
    get("SCR/tags", { "b", "a" }),
  },
}

local add = {
  operation = "PUT SCR/tags/{tag}",
  {
    name = "adds one behind the others; there is no result",
    source = "§10",
    needs = with_tags,
    { "PUT SCR/tags/c", expect = { result = json.null } },
    get("SCR/tags", { "a", "b", "c" }),
    { "PUT SCR/tags/a", expect = { result = json.null } },
    get("SCR/tags", { "a", "b", "c" }),
  },
  {
    name = "a body is ignored",
    source = "§2.1",
    needs = "script",
    { "PUT SCR/tags/a", body = "{", type = "application/json", expect = { result = json.null } },
    get("SCR/tags", { "a" }),
  },
  {
    name = "a tag that is encoded",
    source = "§1.4",
    needs = "script",
    { "PUT SCR/tags/a%2Fb%3Ac%20%E6%9C%A8+%25" },
    get("SCR/tags", { "a/b:c 木+%" }),
  },
  {
    name = "an eleventh; but one that is there is no eleventh",
    source = "§10, §20.6",
    needs = { script = { tags = TEN } },
    { "PUT SCR/tags/11", expect = TOO_MANY },
    { "PUT SCR/tags/10", expect = { result = json.null } },
    get("SCR/tags", TEN),
  },
  {
    name = "one too large, or with what a filter could not say",
    source = "§10, §20.6",
    needs = "script",
    { "PUT SCR/tags/" .. ("x"):rep(1024) },
    { "PUT SCR/tags/" .. ("x"):rep(1025), expect = TOO_LARGE },
    { "PUT SCR/tags/a%2Cb", expect = { code = 10021 } },
    { "PUT SCR/tags/a,b", expect = { code = 10021 } },
    { "PUT SCR/tags/a%26b", expect = { code = 10021 } },
  },
}

local remove = {
  operation = "DELETE SCR/tags/{tag}",
  {
    name = "one, and no other; one that is absent does no harm",
    source = "§10",
    needs = with_tags,
    { "DELETE SCR/tags/a", expect = { result = json.null } },
    { "DELETE SCR/tags/a", expect = { result = json.null } },
    get("SCR/tags", { "b" }),
  },
}

return { replace, list, add, remove }
