-- What surrounds every request and answer: envelopes, headers, and how bodies and paths are
-- encoded. Contract §1.

local json = require "moonherd.json"
local match = require "tests.conformance.match"

local NONE = json.array {}

-- ---- envelopes ----------------------------------------------------------------------------------

-- Every answer is checked by step.lua; here is what not every answer shows.
local envelopes = {
  operation = "envelopes",
  {
    name = "exactly these members, and no messages where nothing is to be said",
    source = "§1.5",
    needs = { namespace = true },
    { "GET NS", expect = { messages = NONE, result_info = match.absent } },
    { "GET NS/scripts", expect = { messages = NONE, result = NONE } },
    { "GET NS-missing", expect = { code = 100119, messages = NONE } },
  },
  {
    name = "errors name their page and the place in the request",
    source = "§1.5",
    live = false, -- the service leaves most of it out
    { "GET SCR/settings", expect = { code = 10007, errors = { {
      documentation_url = match.pattern "^https://developers.cloudflare.com/",
      source = match.absent,
    } } } },
    { "PATCH NS", json = { name = 5 }, expect = { code = 10021, errors = { {
      documentation_url = match.pattern "^https://developers.cloudflare.com/",
      source = match.exactly { pointer = "/name" },
    } } } },
  },
}

-- ---- headers and encodings ----------------------------------------------------------------------

local headers = {
  operation = "headers and encodings",
  {
    name = "those of the TypeScript SDK",
    source = "§1.3",
    {
      "GET NS",
      headers = {
        accept = "application/json", ["user-agent"] = "Cloudflare/JS 7.3.0",
        ["api-version"] = "2026-11-01", ["x-stainless-lang"] = "js",
        ["x-stainless-retry-count"] = "0", ["x-stainless-package-version"] = "7.3.0",
      },
    },
    { "GET NS", headers = { accept = "string" } },
  },
  {
    name = "those of wrangler, with a type and no body",
    source = "§1.3",
    {
      "GET NS",
      type = "application/json",
      headers = {
        accept = "*/*", ["accept-language"] = "*", ["accept-encoding"] = "gzip, deflate",
        ["sec-fetch-mode"] = "cors", ["user-agent"] = "wrangler/4.164.0",
      },
    },
  },
  {
    name = "the allowance, on every answer",
    source = "§1.8",
    live = false, -- the numbers are those of the emulator
    {
      "GET ALL",
      expect = { headers = {
        ratelimit = match.pattern '^"[^"]+";r=%d+;t=%d+$',
        ["ratelimit-policy"] = '"default";q=1200;w=300', ["retry-after"] = match.absent,
      } },
    },
    {
      "GET NS-missing",
      expect = { code = 100119, headers = {
        ratelimit = match.pattern '^"[^"]+";r=%d+;t=%d+$',
        ["ratelimit-policy"] = '"default";q=1200;w=300',
      } },
    },
  },
  {
    name = "bodies in chunks",
    source = "§1.1",
    needs = "script",
    { "PATCH NS", json = {}, chunked = true },
    { "PUT SCR", chunked = true, form = {
      { name = "metadata", json = { main_module = "index.js" } },
      { name = "index.js", filename = "index.js", type = "application/javascript+module",
        content = "export default { fetch() {} }" },
    } },
    { "PUT SCR/content", body = "addEventListener('fetch', () => {})", chunked = true,
      type = "application/javascript" },
  },
  {
    name = "segments are split before they are decoded, and decoded once",
    source = "§1.4",
    needs = { namespace = true },
    { "PATCH NS", json = { name = "{ns} ä+%41:b" } },
    { "GET NS%20%C3%A4+%2541%3Ab", expect = { result = { namespace_name = "{ns} ä+%41:b" } } },
    { "PUT NS%20%C3%A4+%2541:b/scripts/a%20%C3%BC+%2541",
      body = "addEventListener('fetch', () => {})", type = "text/javascript",
      expect = { result = { id = "a ü+%41" } } },
    { "GET NS%20%C3%A4%2B%2541:b/scripts/a%20ü+%2541",
      expect = { result = { id = "a ü+%41", dispatch_namespace = "{ns} ä+%41:b" } } },
    { "PUT NS%20%C3%A4+%2541:b/scripts/a%20%C3%BC+%2541/tags/x%2Fy%20z%3A+%25",
      expect = { result = json.null } },
    { "GET NS%20%C3%A4+%2541:b/scripts/a%20%C3%BC+%2541/tags",
      expect = { result = { "x/y z:+%" } } },
    { "DELETE NS%20%C3%A4+%2541:b/scripts/a%20%C3%BC+%2541/tags/x%2Fy%20z%3A%2B%25" },
    { "GET NS%20%C3%A4+%2541:b/scripts/a%20%C3%BC+%2541/tags",
      expect = { result = json.array {} } },
  },
}

return { envelopes, headers }
