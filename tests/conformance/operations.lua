-- What there is to conform to: the operations (contract §2, and those beside them), the errors that
-- each must be seen to give (§2.1, §5.6, §9.5, §15), and the status of every code (§1.6).
-- coverage.lua holds the cases against it.

local M = {}

-- code -> HTTP status. The errors of tags share 10021; what refuses an eleventh tag has a status of
-- its own, so operations list it as "403/10021".
M.STATUS = {
  [971] = 429, [7003] = 404, [9106] = 400, [10000] = 401, [10001] = 415, [10002] = 500,
  [10006] = 400, [10007] = 404, [10013] = 500, [10015] = 403, [10016] = 400, [10021] = 400,
  [10026] = 400, [10027] = 413, [10035] = 409, [10052] = 400, [10053] = 400, [10054] = 400,
  [10055] = 400, [10056] = 404, [10057] = 400, [10068] = 400, [10069] = 400, [10074] = 400,
  [10079] = 412, [10090] = 404, [10092] = 404, [10121] = 403, [10405] = 405, [100119] = 404,
  [100120] = 409,
}

local TOO_MANY_TAGS = "403/10021"

-- Each row: method and path as the contract abbreviates them, its own errors, and `sample`: a
-- request that gets as far as the script it names, for the rules that hold everywhere.
local JSON = { json = {} }
M.list = {
  { "POST ALL", errors = { 100120, 10026, 10021 }, sample = JSON },
  { "GET ALL", errors = {} },
  { "GET NS", errors = {} },
  { "PUT NS", errors = { 100120, 10026 }, sample = JSON },
  { "PATCH NS", errors = { 100120, 10026 }, sample = JSON },
  { "DELETE NS", errors = {} },
  { "GET NS/scripts", errors = { 10021 } },
  { "DELETE NS/scripts", errors = { 10021 } },
  {
    "PUT SCR",
    errors = { 10006, 10016, 10021, 10026, 10027, 10035, 10052, 10053, 10054, 10055, 10056, 10057,
      10068, 10069, 10074, 10079, TOO_MANY_TAGS },
    sample = { body = "addEventListener('fetch', () => {})", type = "application/javascript" },
  },
  { "GET SCR", errors = { 10092 } },
  { "DELETE SCR", errors = { 10007 } },
  {
    "POST SCR/assets-upload-session",
    errors = { 10026, 10021 },
    sample = { json = { manifest = {} } },
  },
  { "GET SCR/bindings", errors = { 10007 } },
  {
    "PUT SCR/content",
    errors = { 10007, 10021, 10026, 10027, 10068 },
    sample = { body = "addEventListener('fetch', () => {})", type = "application/javascript" },
  },
  { "GET SCR/content", errors = { 10007 } },
  {
    "PUT SCR/secrets",
    errors = { 10007, 10026, 10053, 10054, 10055, 10021 },
    sample = { json = { name = "KEY", text = "value", type = "secret_text" } },
  },
  { "GET SCR/secrets", errors = { 10007 } },
  { "GET SCR/secrets/{secret}", errors = { 10007, 10056 } },
  { "DELETE SCR/secrets/{secret}", errors = { 10007, 10056 } },
  {
    "PATCH SCR/secrets-bulk",
    errors = { 10007, 10026, 10053, 10054, 10055 },
    sample = { json = { secrets = {} } },
  },
  {
    "PATCH SCR/settings",
    errors = { 10007, 10001, 10021, 10026, 10053, 10054, 10055, 10056, 10057, 10079,
      TOO_MANY_TAGS },
    sample = { form = { { name = "settings", content = "{}", type = "application/json" } } },
  },
  { "GET SCR/settings", errors = { 10007 } },
  {
    "PUT SCR/tags",
    errors = { 10007, 10026, 10021, TOO_MANY_TAGS },
    sample = { json = { "a" } },
  },
  { "GET SCR/tags", errors = { 10007 } },
  { "PUT SCR/tags/{tag}", errors = { 10007, 10021, TOO_MANY_TAGS } },
  { "DELETE SCR/tags/{tag}", errors = { 10007 } },
  { "POST ACC/workers/assets/upload", errors = { 10021 }, is_upload = true },
  { "POST ACC/workers/assets/upload/{hash}", errors = { 10021 }, is_upload = true },
}

-- What belongs to every operation, and to every one below a namespace. An upload of assets knows
-- one credential, the token of its session.
local EVERYWHERE, BELOW_NAMESPACE = { 9106, 10000, 971, 10002, 10013, 10121 }, { 100119 }

-- Errors that no request by itself can provoke, of every operation and of one, and why.
M.UNPROVOKED = {
  [971] = "the allowance of an account is not to be used up; an emulator does not enforce it",
  [10002] = "a fault of the server",
  [10013] = "a fault of the server, or a write that others have come before again and again",
  [10121] = "belongs to accounts without the product; the emulator has none",
}
M.EXCEPTIONS = {
  ["PUT SCR"] = {
    [10006] = "code is not parsed: a Worker is stored and checked, not run",
    [10035] = "a write that others have come before runs again, and then fails with 10013 (§18)",
    [10056] = "an upload names no secret that has to be there",
    [10069] = "handlers are found by looking for names; an unknown one is not seen",
  },
  ["PATCH SCR/settings"] = {
    [10056] = "a change of settings names no secret that has to be there",
  },
}

--- Why an operation is not seen to give an error, or nil.
function M.excuse(operation, code)
  return M.UNPROVOKED[code] or (M.EXCEPTIONS[operation[1]] or {})[code]
end

--- The errors an operation may give.
function M.errors_of(operation)
  local list = table.move(EVERYWHERE, 1, #EVERYWHERE, #operation.errors + 1,
    { table.unpack(operation.errors) })
  local path = operation[1]
  if path:find " SCR" or path:find " NS" then
    table.move(BELOW_NAMESPACE, 1, #BELOW_NAMESPACE, #list + 1, list)
  end
  return list
end

--- The contract's abbreviations in full: ACC, ALL (of namespaces), NS, SCR. Names stand in braces.
function M.expand(path)
  local all = "/accounts/{account}/workers/dispatch/namespaces"
  local long = {
    ACC = "/accounts/{account}", ALL = all, NS = all .. "/{ns}",
    SCR = all .. "/{ns}/scripts/{script}",
  }
  return (path:gsub("^(%u+)", long))
end

local function segments(path)
  local list = {}
  for segment in path:match("^[^?]*"):gmatch "[^/]+" do list[#list + 1] = segment end
  return list
end

local patterns = {}
for _, operation in ipairs(M.list) do
  local method, path = operation[1]:match "^(%u+) (.*)$"
  patterns[#patterns + 1] = { method = method, segments = segments(M.expand(path)),
    operation = operation }
end

local function fits(pattern, method, given)
  if pattern.method ~= method or #pattern.segments ~= #given then return false end
  for i, segment in ipairs(pattern.segments) do
    if segment ~= given[i] and not segment:find "^{" then return false end
  end
  return true
end

--- The operation a request "METHOD path" is for, if it is for one.
function M.find(request)
  local method, path = request:match "^(%u+) (.*)$"
  local given = segments(M.expand(path))
  for _, pattern in ipairs(patterns) do
    if fits(pattern, method, given) then return pattern.operation end
  end
end

return M
