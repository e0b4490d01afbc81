-- What holds whatever is asked for: credential, account, route, namespace, script; contract §1.

local match = require "tests.conformance.match"
local operations = require "tests.conformance.operations"

local function expect(code)
  return { code = code }
end

-- The sample request of an operation with more to it.
local function sample(operation, more)
  local step = { operation[1] }
  for name, value in pairs(operation.sample or {}) do step[name] = value end
  for name, value in pairs(more) do step[name] = value or nil end
  return step
end

-- One case for each operation that `is_concerned`.
local function for_each(group, is_concerned, make)
  for _, operation in ipairs(operations.list) do
    if is_concerned(operation) then
      local case = make(operation)
      case.name = case.name or operation[1]
      group[#group + 1] = case
    end
  end
  return group
end

local function has_error(code)
  return function (operation)
    for _, listed in ipairs(operation.errors) do
      if listed == code then return true end
    end
    return false
  end
end

local function takes_api_credential(operation)
  return not operation.is_upload
end

local function is_below_namespace(operation)
  return operation[1]:find " NS" ~= nil or operation[1]:find " SCR" ~= nil
end

local function takes_body(operation)
  return operation.sample ~= nil
end

-- A body that no operation can read.
local function broken(operation)
  return { json = false, form = false, body = "{", type = operation.sample.json and
    "application/json" or "multipart/form-data; boundary=b" }
end

-- The path of a sample, moved below a namespace that is not there.
local function elsewhere(operation)
  local path = operations.expand(operation[1]:match " (.*)$")
  return operation[1]:match "^%u+ " .. path:gsub("{ns}", "{ns}-missing")
end

-- ---- credentials --------------------------------------------------------------------------------

local REJECTED = match.exactly { code = 10000, message = "Authentication error",
  documentation_url = match.optional(match.string) }
local ABSENT = { code = 9106, message = "Authentication failed (status: 400)" }

local no_credential = for_each({ operation = "every operation: no credential" },
  takes_api_credential, function (operation)
    return {
      source = "§1.6",
      sample(operation, { headers = { authorization = false },
        expect = { code = 9106, errors = { ABSENT } } }),
    }
  end)

local wrong_credential = for_each({ operation = "every operation: wrong credential" },
  takes_api_credential, function (operation)
    return {
      source = "§1.6",
      sample(operation, { token = "not-the-token-at-all",
        expect = { code = 10000, errors = { REJECTED } } }),
    }
  end)

local function with_headers(headers, expected)
  headers.authorization = headers.authorization or false
  return { "GET ALL", headers = headers, expect = expected }
end

local credentials = {
  operation = "credentials",
  {
    name = "the scheme and the names of headers have no case",
    source = "§1.2",
    with_headers({ authorization = "bearer {token}" }),
    with_headers({ authorization = false, Authorization = "Bearer {token}" }),
  },
  {
    name = "a key goes with an email address",
    source = "§1.2",
    live = false, -- the credential of an account is a token
    with_headers({ ["x-auth-email"] = "me@example.com", ["x-auth-key"] = "{token}" }),
    with_headers({ ["x-auth-email"] = "me@example.com", ["x-auth-key"] = "wrong" }, expect(10000)),
  },
  {
    name = "a service key goes alone",
    source = "§1.2",
    live = false,
    with_headers { ["x-auth-user-service-key"] = "{token}" },
    with_headers({ ["x-auth-user-service-key"] = "wrong" }, expect(10000)),
  },
  {
    name = "what is no credential counts as none",
    source = "§1.6",
    live = false, -- the edge has its own idea of some of these
    with_headers({ authorization = "Bearer" }, expect(9106)),
    with_headers({ authorization = "Basic {token}" }, expect(9106)),
    with_headers({ authorization = "{token}" }, expect(9106)),
    with_headers({ ["x-auth-email"] = "me@example.com" }, expect(9106)),
  },
  {
    name = "a token can be checked",
    source = "§16.3",
    live = false, -- not every token may
    { "GET /user/tokens/verify", expect = { result = { id = match.string, status = "active" } } },
    { "GET ACC/tokens/verify", expect = { result = { id = match.string, status = "active" } } },
  },
}

-- ---- routes -------------------------------------------------------------------------------------

local function not_routed(request)
  return {
    request,
    expect = { codes = { 7003, 7000 }, errors = {
      { message = match.pattern "^Could not route to /.*, perhaps your object identifier" },
      { message = "No route for that URI" },
    } },
  }
end

local routes = {
  operation = "routes",
  {
    name = "unknown paths",
    source = "§1.6",
    not_routed "GET ACC/workers/dispatch/nothing",
    not_routed "GET ALL/",
    not_routed "GET NS/nothing",
    not_routed "GET SCR/nothing",
    not_routed "GET SCR/tags/a/b",
    not_routed "POST SCR/deployments/x",
  },
  {
    name = "malformed accounts",
    source = "§1.6",
    not_routed "GET /accounts/abc/workers/dispatch/namespaces",
    not_routed "GET /accounts/{account}0/workers/dispatch/namespaces",
    not_routed "GET /accounts/zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz/workers/dispatch/namespaces",
  },
  {
    name = "known paths, but not by this method",
    source = "§1.6",
    { "DELETE ALL", expect = { code = 10405, errors = { { message = "Method not allowed" } } } },
    { "POST NS", json = {}, expect = expect(10405) },
    { "PUT NS/scripts", json = {}, expect = expect(10405) },
    { "PATCH SCR", json = {}, expect = expect(10405) },
    { "DELETE SCR/bindings", expect = expect(10405) },
    { "DELETE SCR/content", expect = expect(10405) },
    { "POST SCR/secrets", json = {}, expect = expect(10405) },
    { "PUT SCR/secrets/KEY", json = {}, expect = expect(10405) },
    { "GET SCR/secrets-bulk", expect = expect(10405) },
    { "PUT SCR/settings", json = {}, expect = expect(10405) },
    { "PATCH SCR/tags", json = {}, expect = expect(10405) },
    { "GET SCR/tags/a", expect = expect(10405) },
    { "GET SCR/assets-upload-session", expect = expect(10405) },
  },
  {
    name = "OPTIONS and HEAD are methods like others",
    source = "§1.6",
    live = false,
    { "OPTIONS ALL", expect = expect(10405) },
    { "OPTIONS SCR/content", expect = expect(10405) },
    { "HEAD ALL", expect = { status = 405, body = "" } },
  },
  {
    name = "the same routes without the prefix",
    source = "§1.1",
    live = false,
    { "GET ROOT/workers/dispatch/namespaces/{ns}",
      expect = { result = { namespace_name = "{ns}" } } },
  },
  {
    name = "the path that an older client writes content to",
    source = "§8.1",
    live = false,
    needs = "script",
    {
      "PUT ACC/workers/dispatch_namespaces/{ns}/scripts/{script}/content",
      body = "addEventListener('fetch', () => {})", type = "application/javascript",
      expect = { result = { id = "{script}" } },
    },
  },
  {
    name = "questions about an ordinary Worker of the name",
    source = "§16.1",
    { "GET ACC/workers/scripts/{script}/secrets", expect = expect(10007) },
    { "GET ACC/workers/scripts/{script}/settings", expect = expect(10007) },
    { "PATCH ACC/workers/scripts/{script}/script-settings", json = { tags = {} },
      expect = expect(10007), },
  },
  {
    name = "the accounts that wrangler looks for when it is told none",
    source = "§16.1, §1.7",
    live = false, -- not every token may
    { "GET /accounts?page=1", expect = {
      result = match.list_of { id = match.hex(32), name = match.string },
      result_info = { page = 1, per_page = match.integer, count = match.integer,
        total_count = match.integer, total_pages = match.integer },
    } },
    { "GET /memberships?page=1", expect = {
      result = match.list_of { id = match.string,
        account = { id = match.hex(32), name = match.string } },
      result_info = { page = 1, per_page = match.integer, count = match.integer,
        total_count = match.integer, total_pages = match.integer },
    } },
  },
}

local missing_namespace = for_each({ operation = "every operation: no such namespace" },
  is_below_namespace, function (operation)
    local message = "The specified dispatch namespace does not exist on this account."
    return {
      source = "§1.6, §20.10",
      sample(operation, { elsewhere(operation),
        expect = { code = 100119, errors = { { message = message } } } }),
    }
  end)

local missing_script = for_each({ operation = "every operation: no such script" },
  has_error(10007), function (operation)
    local message = "This Worker does not exist on your account."
    return {
      source = "§1.6, §20.10",
      sample(operation, { expect = { code = 10007, errors = { { message = message } } } }),
    }
  end)

-- The path of a sample with a name in place of {ns} or {script}.
local function renamed(operation, placeholder, name)
  local method, path = operation[1]:match "^(%u+) (.*)$"
  return method .. " " .. operations.expand(path):gsub(placeholder, (name:gsub("%%", "%%%%")))
end

local LONG, LONGER = ("x"):rep(256), ("x"):rep(10000)
local bad_names = {
  operation = "names that no path can carry",
}
for_each(bad_names, is_below_namespace, function (operation)
  -- A proxy on the way may have its own idea of these names.
  local case = { name = "namespace of " .. operation[1], source = "§1.11", live = false }
  for _, name in ipairs { "a%2Fb", "a%00b", "a%0Ab", "%FF", "a%3Fb", "a%23b", LONG, LONGER } do
    case[#case + 1] = sample(operation, { renamed(operation, "{ns}", name),
      expect = expect(10021) })
  end
  return case
end)
for_each(bad_names, function (operation)
  return operation[1]:find " SCR" ~= nil
end, function (operation)
  local case = { name = "script of " .. operation[1], source = "§1.11", live = false }
  for _, name in ipairs { "a%2Fb", "a%00b", "a%0Ab", "%FF", "a%3Fb", "a%23b", LONG, LONGER } do
    case[#case + 1] = sample(operation, { renamed(operation, "{script}", name),
      expect = { code = 10016, errors = { { message = "workers.api.error.invalid_script_name" } } },
    })
  end
  return case
end)

-- ---- the order of checks ------------------------------------------------------------------------

local order = {
  operation = "order of checks",
  {
    name = "credential, account, route",
    source = "§1.6",
    { "GET /accounts/abc/nothing", headers = { authorization = false }, expect = expect(9106) },
    { "GET /accounts/abc/nothing", token = "not-the-token-at-all", expect = expect(10000) },
    { "GET /accounts/abc/workers/dispatch/namespaces/{ns}-missing",
      expect = { codes = { 7003, 7000 } } },
    { "PATCH NS-missing/scripts/x", expect = expect(10405) },
  },
  {
    name = "the namespace before the query",
    source = "§1.6",
    { "GET NS-missing/scripts?limit=0&tags=x", expect = expect(100119) },
    { "DELETE NS-missing/scripts?tags=x", expect = expect(100119) },
  },
}
for_each(order, function (operation)
  return takes_body(operation) and is_below_namespace(operation)
end, function (operation)
  local more = broken(operation)
  more[1], more.expect = elsewhere(operation), expect(100119)
  return { name = "the namespace before the body: " .. operation[1], source = "§1.6",
    sample(operation, more), }
end)
for_each(order, function (operation)
  return takes_body(operation) and has_error(10007)(operation)
end, function (operation)
  local more = broken(operation)
  more.expect = expect(10007)
  return { name = "the script before the body: " .. operation[1], source = "§1.6",
    sample(operation, more), }
end)

return {
  no_credential, wrong_credential, credentials, routes, missing_namespace, missing_script,
  bad_names, order,
}
