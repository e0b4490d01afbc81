-- Secrets, one at a time and many: contract §9.

local json = require "moonherd.json"
local match = require "tests.conformance.match"
local requests = require "tests.conformance.requests"

local get, put = requests.get, requests.put
local NONE = json.array {}

local function text(name, value)
  return { type = "secret_text", name = name, text = value or "value of " .. name }
end

-- A secret as it is read: never with a value.
local function read(name)
  return match.exactly { type = "secret_text", name = name }
end

local function key(format, material)
  local binding = { type = "secret_key", name = "KEY", format = format,
    algorithm = { name = "HMAC", hash = "SHA-256" }, usages = { "sign", "verify" } }
  for name, value in pairs(material) do binding[name] = value end
  return binding
end

local READ_KEY = match.exactly(key(match.string, {}))

local function set(secret, expect)
  return { "PUT SCR/secrets", json = secret, expect = expect }
end

local function refused(secret, code, pointer)
  return set(secret, { code = code, errors = { { source = pointer and { pointer = pointer } } } })
end

-- A script with this many variables.
local function with_variables(count)
  local bindings = {}
  for i = 1, count do bindings[i] = { type = "plain_text", name = "VAR_" .. i, text = "x" } end
  return { script = { bindings = bindings } }
end

local TAKEN = { script = { bindings = { { type = "plain_text", name = "TAKEN", text = "x" } } } }
local IN_USE = { code = 10053, errors = { { message =
  "Binding name 'TAKEN' already in use. Please use a different name and try again." } } }
local NOT_FOUND = { code = 10056, errors = { { message =
  "Binding 'KEY' not found. Please use a different name and try again." } } }

local write = {
  operation = "PUT SCR/secrets",
  {
    name = "makes one, and replaces it",
    source = "§9.2",
    needs = "script",
    set(text "KEY", { result = read "KEY" }),
    set(text("KEY", "another"), { result = read "KEY" }),
    get("SCR/secrets", { read "KEY" }),
    get("SCR/bindings", { read "KEY" }),
    get("SCR/settings", { bindings = { read "KEY" } }),
  },
  {
    name = "the type may be left out",
    source = "§9.1",
    needs = "script",
    set({ name = "KEY", text = "value" }, { result = read "KEY" }),
  },
  {
    name = "keys, whose material nobody sees again",
    source = "§9.1",
    needs = "script",
    set(key("raw", { key_base64 = "c2VjcmV0" }), { result = READ_KEY }),
    set(key("pkcs8", { key_base64 = "c2VjcmV0" }), { result = READ_KEY }),
    set(key("spki", { key_base64 = "c2VjcmV0" }), { result = READ_KEY }),
    set(key("jwk", { key_jwk = { kty = "oct", k = "c2VjcmV0" } }), { result = READ_KEY }),
    get("SCR/secrets/KEY", READ_KEY),
  },
  {
    name = "code, tags and other bindings stay, the time of change is new",
    source = "§9.2, §14",
    needs = { script = { tags = { "a" },
      bindings = { { type = "plain_text", name = "VAR", text = "x" } } } },
    { "GET SCR", expect = { result = { script = { etag = match.save "etag",
      modified_on = match.save "modified" } } } },
    set(text "KEY"),
    get("SCR", { script = { etag = "{etag}", modified_on = match.other_than "modified",
      tags = { "a" } } }),
    get("SCR/bindings", { { name = "VAR", text = "x" }, read "KEY" }),
  },
  {
    name = "the name of a binding that is no secret",
    source = "§9.2",
    needs = TAKEN,
    set(text "TAKEN", IN_USE),
  },
  {
    name = "values of 5 KB, and larger ones",
    source = "§9.2",
    needs = "script",
    set(text("KEY", ("x"):rep(5120))),
    set(text("KEY", ("x"):rep(5121)), { code = 10054 }),
  },
  {
    name = "one more than 128",
    source = "§9.2",
    needs = with_variables(127),
    set(text "KEY"),
    set(text("KEY", "another")),
    set(text "ONE_MORE", { code = 10055 }),
  },
  {
    name = "fields that are missing, or of the wrong type",
    source = "§9.1, §9.2",
    needs = "script",
    refused({ type = "secret_text", text = "x" }, 10021, "/name"),
    refused({ type = "secret_text", name = "", text = "x" }, 10021, "/name"),
    refused({ type = "secret_text", name = 5, text = "x" }, 10021, "/name"),
    refused({ type = "secret_text", name = "KEY" }, 10021, "/text"),
    refused({ type = "secret_text", name = "KEY", text = 5 }, 10021, "/text"),
    refused({ type = "plain_text", name = "KEY", text = "x" }, 10021, "/type"),
    refused(key("pem", { key_base64 = "x" }), 10021, "/format"),
    refused(key("raw", { key_base64 = "x", usages = { "everything" } }), 10021,
      match.pattern "^/usages"),
    get("SCR/secrets", NONE),
  },
  {
    name = "a body that is not JSON",
    source = "§1.6",
    needs = "script",
    { "PUT SCR/secrets", body = "", type = "application/json", expect = { code = 10026 } },
    { "PUT SCR/secrets", body = '{"name":', type = "application/json", expect = { code = 10026 } },
  },
}

local list = {
  operation = "GET SCR/secrets",
  {
    name = "by name, without other bindings",
    source = "§9.3",
    needs = TAKEN,
    get("SCR/secrets", NONE),
    set(text "B"), set(text "a"), set(text "A"),
    get("SCR/secrets", { read "A", read "B", read "a" }),
  },
  {
    name = "those of the upload",
    source = "§9.3",
    needs = { script = { bindings = { text "B", text "A" } } },
    get("SCR/secrets", { read "A", read "B" }),
  },
}

local ODD = "a/b c+ü"
local ODD_ENCODED = "a%2Fb%20c+%C3%BC"

local one = {
  operation = "GET SCR/secrets/{secret}",
  {
    name = "one by its name, encoded once",
    source = "§9.4, §1.4",
    needs = "script",
    set(text "KEY"),
    set(text(ODD), { result = read(ODD) }),
    get("SCR/secrets/KEY", read "KEY"),
    get("SCR/secrets/KEY?url_encoded=true", read "KEY"),
    get("SCR/secrets/" .. ODD_ENCODED .. "?url_encoded=true", read(ODD)),
    get("SCR/secrets/" .. ODD_ENCODED, read(ODD)),
  },
  {
    name = "one that is missing; a binding that is no secret counts as that",
    source = "§9.4",
    needs = TAKEN,
    { "GET SCR/secrets/KEY", expect = NOT_FOUND },
    { "GET SCR/secrets/TAKEN", expect = { code = 10056 } },
  },
}

local delete = {
  operation = "DELETE SCR/secrets/{secret}",
  {
    name = "one, and no other; there is no result",
    source = "§9.4, §1.5",
    needs = { script = { bindings = { text "KEY", text "B" } } },
    { "GET SCR", expect = { result = { script = { etag = match.save "etag",
      modified_on = match.save "modified" } } } },
    { "DELETE SCR/secrets/KEY", expect = { result = json.null } },
    { "DELETE SCR/secrets/KEY", expect = NOT_FOUND },
    get("SCR/secrets", { read "B" }),
    get("SCR", { script = { etag = "{etag}", modified_on = match.other_than "modified" } }),
  },
  {
    name = "a name that is encoded",
    source = "§1.4",
    needs = "script",
    set(text(ODD)),
    { "DELETE SCR/secrets/" .. ODD_ENCODED .. "?url_encoded=true",
      expect = { result = json.null } },
    get("SCR/secrets", NONE),
  },
  {
    name = "a binding that is no secret counts as missing",
    source = "§9.4",
    needs = TAKEN,
    { "DELETE SCR/secrets/TAKEN", expect = { code = 10056 } },
    get("SCR/bindings", { { name = "TAKEN" } }),
  },
}

local function bulk(secrets, expect)
  return { "PATCH SCR/secrets-bulk", json = { secrets = secrets }, expect = expect }
end

local many = {
  operation = "PATCH SCR/secrets-bulk",
  {
    name = "sets some, deletes some, leaves the others",
    source = "§9.5",
    needs = { script = { bindings = { text "KEPT", text "GONE", text "CHANGED" } } },
    bulk({ NEW = text "NEW", CHANGED = text("CHANGED", "x"), GONE = json.null },
      { result = { NEW = read "NEW", CHANGED = read "CHANGED" } }),
    get("SCR/secrets", { read "CHANGED", read "KEPT", read "NEW" }),
  },
  {
    name = "also as a merge patch",
    source = "§9.5",
    needs = "script",
    { "PATCH SCR/secrets-bulk", json = { secrets = { A = text "A" } },
      type = "application/merge-patch+json", expect = { result = { A = read "A" } } },
  },
  {
    name = "tags of the version go with it",
    source = "§9.5",
    needs = "script",
    { "PATCH SCR/secrets-bulk", json = { secrets = { A = text "A" },
      version_tags = { reason = "rotation" } } },
  },
  {
    name = "all or nothing",
    source = "§9.5",
    needs = TAKEN,
    bulk({ A = text "A", TAKEN = text "TAKEN" }, IN_USE),
    bulk({ A = text "A", B = text("B", ("x"):rep(5121)) }, { code = 10054 }),
    bulk({ A = text "A", B = "x" }, { code = 10021 }),
    get("SCR/secrets", NONE),
  },
  {
    name = "more than 128",
    source = "§9.5",
    needs = with_variables(127),
    bulk({ A = text "A", B = text "B" }, { code = 10055 }),
    get("SCR/secrets", NONE),
  },
  {
    name = "a body that is not JSON, or names no secrets",
    source = "§1.6",
    needs = "script",
    { "PATCH SCR/secrets-bulk", body = "{", type = "application/json", expect = { code = 10026 } },
    { "PATCH SCR/secrets-bulk", json = { secrets = "x" }, expect = { code = 10021 } },
  },
}

-- What the rest of the API does to secrets.
local kept = {
  operation = "secrets elsewhere",
  {
    name = "an upload that keeps their type keeps them",
    source = "§14",
    needs = "script",
    set(text "KEY"),
    set(key("raw", { name = "SIGNER", key_base64 = "c2VjcmV0" })),
    put { keep_bindings = { "secret_text", "secret_key" } },
    get("SCR/secrets", { read "KEY", { name = "SIGNER", type = "secret_key" } }),
  },
}

return { write, list, one, delete, many, kept }
