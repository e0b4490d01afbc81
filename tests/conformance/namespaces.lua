-- Namespaces: contract §3.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local function namespace(more)
  local shape = {
    namespace_id = match.uuid, namespace_name = match.pattern ".",
    created_on = match.time, created_by = match.hex(32),
    modified_on = match.time, modified_by = match.hex(32),
    script_count = match.integer, trusted_workers = match.boolean,
  }
  for name, value in pairs(more) do shape[name] = value end
  return match.exactly(shape)
end

local TAKEN = {
  code = 100120, headers = { ["x-should-retry"] = "false" },
  errors = { { message = "A dispatch namespace with this name already exists." } },
}

local function invalid(pointer)
  return { code = 10021, errors = { { source = { pointer = pointer } } } }
end

-- Names that stand in no path (§1.11), as text for JSON.
local BAD_NAMES = { "", "a/b", "a?b", "a#b", "a\nb", "a\0b", "a\x7Fb", "..", ("x"):rep(256) }

local function refused_names(request)
  local case = { name = "names that no path can carry", source = "§1.11" }
  for _, name in ipairs(BAD_NAMES) do
    case[#case + 1] = { request, json = { name = name }, expect = invalid "/name" }
  end
  return case
end

local create = {
  operation = "POST ALL",
  {
    name = "makes an empty, untrusted namespace",
    source = "§3.1, §3.2",
    {
      "POST ALL",
      json = { name = "{ns}-new" },
      expect = { result = namespace {
        namespace_name = "{ns}-new", script_count = 0, trusted_workers = false,
      } },
    },
  },
  {
    name = "a name of 255 bytes, and one that is not ASCII",
    source = "§1.11",
    live = false, -- the limit is the emulator's
    { "POST ALL", json = { name = "{ns}-" .. ("x"):rep(200) } },
    { "POST ALL", json = { name = "{ns}-größe 木" },
      expect = { result = { namespace_name = "{ns}-größe 木" } } },
  },
  {
    name = "ignores fields it does not know, trust among them",
    source = "§3.2",
    {
      "POST ALL",
      json = { name = "{ns}-trusting", trusted_workers = true, colour = { "red" } },
      expect = { result = { trusted_workers = false } },
    },
  },
  {
    name = "a taken name is refused, and trying again is pointless",
    source = "§1.6, §1.9",
    { "POST ALL", json = { name = "{ns}" }, expect = TAKEN },
  },
  {
    name = "a name must be there",
    source = "§3.2, §17.13",
    { "POST ALL", json = {}, expect = invalid "/name" },
    { "POST ALL", json = { name = json.null }, expect = invalid "/name" },
    { "POST ALL", json = { name = 5 }, expect = invalid "/name" },
  },
  {
    name = "a body that is not JSON",
    source = "§1.6",
    { "POST ALL", body = "", type = "application/json", expect = { code = 10026 } },
    { "POST ALL", body = "{'name':'x'}", type = "application/json", expect = { code = 10026 } },
    { "POST ALL", body = '{"name":"x"', type = "application/json", expect = { code = 10026 } },
    { "POST ALL", body = '{"name":"\xFF"}', type = "application/json", expect = { code = 10026 } },
  },
  refused_names "POST ALL",
}

create[#create + 1] = {
  name = "its maker is who asked, always the same",
  source = "UNKNOWN-29",
  { "GET NS", expect = { result = { created_by = match.save "user" } } },
  { "POST ALL", json = { name = "{ns}-made" },
    expect = { result = { created_by = "{user}", modified_by = "{user}" } } },
}

local list = {
  operation = "GET ALL",
  {
    name = "holds every namespace, by name",
    source = "§3.2",
    { "POST ALL", json = { name = "{ns}-list-b" } },
    { "POST ALL", json = { name = "{ns}-list-a" } },
    { "GET ALL", expect = {
      result = match.all(match.list_of(namespace {}),
        match.with { namespace_name = "{ns}-list-a" },
        match.with { namespace_name = "{ns}-list-b" },
        match.sorted "namespace_name"),
      result_info = match.absent,
    } },
  },
}

local get = {
  operation = "GET NS",
  {
    name = "counts the scripts",
    source = "§3.1",
    needs = { namespace = true, script = true },
    { "GET NS", expect = { result = namespace { namespace_name = "{ns}", script_count = 1 } } },
    { "DELETE SCR" },
    { "GET NS", expect = { result = { script_count = 0 } } },
  },
}

-- PUT and PATCH differ in what is not named.
local function update(method)
  local request = method .. " NS"
  return {
    operation = request,
    {
      name = "renames: the same namespace, the same scripts, and the old name is free",
      source = "§3.2",
      needs = { namespace = true, script = true },
      { "GET NS", expect = { result = { namespace_id = match.save "id",
        created_on = match.save "created", modified_on = match.save "modified" } } },
      { request, json = { name = "{ns}-renamed" }, expect = { result = namespace {
        namespace_id = "{id}", namespace_name = "{ns}-renamed", script_count = 1,
        created_on = "{created}", modified_on = match.other_than "modified",
      } } },
      { "GET NS-renamed/scripts/{script}",
        expect = { result = { dispatch_namespace = "{ns}-renamed" } } },
      { "GET NS-renamed/scripts",
        expect = { result = { { dispatch_namespace = "{ns}-renamed" } } } },
      { "GET NS", expect = { code = 100119 } },
      { "POST ALL", json = { name = "{ns}" },
        expect = { result = { namespace_id = match.other_than "id" } } },
    },
    {
      name = "a rename to the same name, with trust, is what the documentation shows",
      source = "§3.2",
      needs = { namespace = true },
      { request, json = { name = "{ns}", trusted_workers = true },
        expect = { result = { namespace_name = "{ns}", trusted_workers = true } } },
      { "GET NS", expect = { result = { trusted_workers = true } } },
      { request, json = { trusted_workers = false },
        expect = { result = { namespace_name = "{ns}", trusted_workers = false } } },
    },
    {
      name = "a repeated rename finds the old name gone",
      source = "§1.9",
      needs = { namespace = true },
      { request, json = { name = "{ns}-moved" } },
      { request, json = { name = "{ns}-moved" }, expect = { code = 100119 } },
    },
    {
      name = "a taken name is refused, and trying again is pointless",
      source = "§1.6, §1.9",
      needs = { namespace = true },
      { request, json = { name = "{prefix}" }, expect = TAKEN },
      { "GET NS" },
    },
    {
      name = "a body that is not JSON",
      source = "§1.6",
      { request, body = "{", type = "application/json", expect = { code = 10026 } },
    },
    {
      name = "fields of the wrong type",
      source = "§1.6",
      { request, json = { trusted_workers = "yes" }, expect = invalid "/trusted_workers" },
      { request, json = { name = 5 }, expect = invalid "/name" },
    },
    refused_names(request),
  }
end

local put, patch = update "PUT", update "PATCH"
put[#put + 1] = {
  name = "without trusted_workers it ends the trust, without a name it keeps the name",
  source = "§3.2",
  needs = { namespace = true },
  { "PUT NS", json = { trusted_workers = true },
    expect = { result = { namespace_name = "{ns}", trusted_workers = true } } },
  { "PUT NS", json = {},
    expect = { result = { namespace_name = "{ns}", trusted_workers = false } } },
}
patch[#patch + 1] = {
  name = "leaves what it does not name",
  source = "§3.2",
  needs = { namespace = true },
  { "PATCH NS", json = { trusted_workers = true } },
  { "PATCH NS", json = { name = "{ns}-patched" },
    expect = { result = { namespace_name = "{ns}-patched", trusted_workers = true } } },
  { "PATCH NS-patched", json = {},
    expect = { result = { namespace_name = "{ns}-patched", trusted_workers = true } } },
}

local delete = {
  operation = "DELETE NS",
  {
    name = "has no result, and the name is free for another namespace",
    source = "§3.2, §1.5",
    needs = { namespace = true },
    { "GET NS", expect = { result = { namespace_id = match.save "id" } } },
    { "DELETE NS", expect = { result = json.null } },
    { "GET NS", expect = { code = 100119 } },
    { "DELETE NS", expect = { code = 100119 } },
    { "POST ALL", json = { name = "{ns}" },
      expect = { result = { namespace_id = match.other_than "id" } } },
  },
  {
    name = "takes the scripts and their secrets along",
    source = "§3.2",
    needs = { namespace = true,
      script = { bindings = { { type = "secret_text", name = "KEY", text = "value" } } } },
    { "DELETE NS", expect = { result = json.null } },
    { "POST ALL", json = { name = "{ns}" }, expect = { result = { script_count = 0 } } },
    { "GET SCR", expect = { code = 10092 } },
    { "GET NS/scripts", expect = { result = json.array {} } },
    requests.put(),
    { "GET SCR/bindings", expect = { result = json.array {} } },
  },
}

return { create, list, get, put, patch, delete }
