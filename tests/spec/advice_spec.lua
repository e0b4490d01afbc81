-- What a report adds to an error that nobody has caught.
local advice = require "moonherd._advice"
local failures = require "moonherd.cloudflare.errors"
local log = require "moonherd.log"
local raw_errors = require "moonherd._error"

local function hint_of(message, kind)
  local err = { kind = kind or "script", message = message }
  advice.advise(err)
  return err.hint
end

describe("the hint for a name that is not there", function ()
  for called, hint in pairs {
    ["method 'uplaod'"] = "did you mean job:upload or script:upload?",
    ["method 'creat_namespace'"] = "did you mean client:create_namespace?",
    ["field 'conect'"] = "did you mean moonherd.connect?",
    ["global 'tosrting'"] = "did you mean tostring?",
    ["field 'cocnat'"] = "did you mean table.concat?",
    ["method 'uper'"] = "did you mean string.upper?",
  } do
    it("is that of " .. called, function ()
      assert.equal(hint, hint_of("a.lua:1: attempt to call a nil value (" .. called .. ")"))
    end)
  end

  it("is none where nothing is near", function ()
    assert.is_nil(hint_of "a.lua:1: attempt to call a nil value (global 'xyzzyxyzzy')")
    assert.is_nil(hint_of "a.lua:1: attempt to call a nil value (local 'f')")
    assert.is_nil(hint_of "a.lua:1: attempt to index a nil value (global 'prnt')")
  end)

  it("is that of a library that is indexed", function ()
    assert.equal("did you mean moonherd?",
      hint_of "a.lua:1: attempt to index a nil value (global 'moonhred')")
    assert.equal("did you mean string?",
      hint_of "a.lua:1: attempt to index a nil value (global 'strng')")
  end)

  it("is how to get the module, which is no global of scripts", function ()
    assert.equal('local moonherd = require "moonherd"',
      hint_of "-e:1: attempt to index a nil value (global 'moonherd')")
  end)

  it("is none for a field that is indexed: it may be any table's", function ()
    assert.is_nil(hint_of "a.lua:1: attempt to index a nil value (field 'tiem')")
  end)

  it("is that of a module", function ()
    assert.equal("did you mean moonherd.fs?", hint_of "a.lua:1: module 'moonherd.fss' not found:")
    assert.equal("did you mean moonherd?", hint_of "a.lua:1: module 'monherd' not found:")
    assert.is_nil(hint_of "a.lua:1: module 'tenants' not found:")
  end)

  it("stands before the places where a module was looked for", function ()
    local err = { kind = "script", message = "a.lua:1: module 'monherd' not found:\n\tno file 'a'" }
    advice.advise(err)
    assert.equal("a.lua:1: module 'monherd' not found", err.message)
    assert.equal("\n\tit was looked for:\n\t  no file 'a'", err.trace)
  end)

  it("is how to use an iterator, for one that is used as a table", function ()
    for _, what in ipairs { "index a function value", "get length of a function value",
      "index a function value (local 'scripts')" } do
      assert.matches("for x in … do", hint_of("a.lua:1: attempt to " .. what), 1, true)
    end
    assert.is_nil(hint_of "a.lua:1: attempt to index a function value (global 'print')")
  end)

  it("takes no other's place", function ()
    local err = {
      kind = "script", message = "attempt to call a nil value (global 'prnt')", hint = "own",
    }
    advice.advise(err)
    assert.equal("own", err.hint)
    assert.is_nil(hint_of("attempt to call a nil value (global 'prnt')", "api"))
  end)
end)

describe("the hint when no answer comes", function ()
  for _, reason in ipairs { "dns_failed", "connect_failed", "connection_reset", "tls_failed",
    "timeout_connect", "timeout_stall", "timeout_total" } do
    it("is there for " .. reason, function ()
      local err = { kind = "http", reason = reason, message = "GET http://x/: no" }
      advice.advise(err)
      assert(#err.hint > 10)
      err = { kind = "http", reason = reason, message = "no", hint = "own" }
      advice.advise(err)
      assert.equal("own", err.hint)
    end)
  end
end)

describe("what failed beside an error", function ()
  local function trace_of(fields)
    fields.message = fields.message or "it failed"
    advice.advise(fields)
    return fields.trace
  end

  it("is told behind its trace, each in a line", function ()
    assert.equal("in x\n\talso: a.lua:1: no\n\talso: two lines",
      trace_of { kind = "script", trace = "in x", also = { "a.lua:1: no", "two\n\tlines" } })
    assert.is_nil(trace_of { kind = "script" })
  end)

  it("is what else the API's answer has", function ()
    assert.equal("in x\n\talso: second (code 2)", trace_of {
      kind = "api", trace = "in x", message = "first (and 1 more)",
      errors = { { code = 1, message = "first" }, { code = 2, message = "second" } },
    })
  end)

  it("is what a program said, of which its message has the last line alone", function ()
    assert.equal("in x\n\tit said:\n\t  one\n\t  two", trace_of {
      kind = "process", trace = "in x", stderr = "one\r\n\ntwo\n",
    })
    assert.equal("in x", trace_of { kind = "process", trace = "in x", stderr = "one\n" })
    local trace = trace_of { kind = "process", trace = "in x", stderr = ("line\n"):rep(50) }
    assert.equal(10, select(2, trace:gsub("line", "")))
  end)

  it("is bounded", function ()
    local many = {}
    for i = 1, 1000 do many[i] = "error " .. i end
    local trace = trace_of { kind = "script", also = many }
    assert(trace:find "also: error 5\n" and trace:find "also: 995 more$")
  end)
end)

local function message_of(raised)
  local err = raw_errors.wrap(raised)
  advice.advise(err)
  return err.message
end

describe("the message of what is no text", function ()
  it("shows a plain table", function ()
    assert.equal('{ code = 7, why = "no" }', message_of { code = 7, why = "no" })
  end)

  it("hides its secrets", function ()
    log.hide "a-raised-secret"
    assert.equal('{ token = "[hidden]" }', message_of { token = "a-raised-secret" })
  end)

  it("is bounded", function ()
    local long, deep = {}, {}
    for i = 1, 1000 do
      long[i], deep = i, { deep }
    end
    assert(#message_of(long) < 500)
    assert(#message_of(deep) < 500)
  end)

  it("is what it says of itself", function ()
    local mine = setmetatable({}, { __tostring = function () return "mine" end })
    assert.equal("mine", message_of(mine))
  end)

  it("names a missing one", function ()
    assert.equal("(error object is a nil value)", message_of(nil))
    assert.equal("false", message_of(false))
  end)
end)

describe("a long name of a file", function ()
  local whole = "/srv/" .. ("\u{FC}"):rep(40) .. "/a.lua"
  local cut = "..." .. whole:sub(-55)

  local function whole_of(message, trace)
    local err = { kind = "script", message = message, trace = trace }
    advice.advise(err)
    return err.message
  end

  it("comes from the trace", function ()
    assert.is_nil((utf8.len(cut)))
    local trace = ("stack traceback:\n\t%s:2: in main chunk"):format(whole)
    assert.equal(whole .. ":2: no: 3:4: x", whole_of(cut .. ":2: no: 3:4: x", trace))
  end)

  it("comes from what could not be loaded", function ()
    local message = "error loading module 'a' from file '%s':\n\t%s:2: no"
    assert.equal(message:format(whole, whole), whole_of(message:format(whole, cut)))
  end)

  it("stays when there is no whole one", function ()
    assert.equal("...x/a.lua:2: no", whole_of "...x/a.lua:2: no")
    assert.equal("what...ever/a.lua:2: no",
      whole_of("what...ever/a.lua:2: no", "\t/ever/a.lua:2: in x"))
  end)
end)

describe("the line of a request", function ()
  it("says what was sent, how often, and its name at Cloudflare", function ()
    assert.equal("PUT /x, 5 attempts, ray id 8f, it may have been done", advice.request {
      method = "PUT", path = "/x", attempts = 5, ray_id = "8f", outcome = "unknown",
    })
    assert.equal("GET /x, 1 attempt", advice.request { method = "GET", path = "/x", attempts = 1 })
    assert.is_nil(advice.request { message = "no request" })
  end)
end)

-- The codes that the API is known to answer with.
local CODES = { 971, 7003, 9106, 10000, 10001, 10002, 10006, 10007, 10013, 10015, 10016, 10021,
  10026, 10027, 10035, 10041, 10052, 10053, 10054, 10055, 10056, 10057, 10061, 10068, 10069, 10074,
  10079, 10085, 10090, 10092, 10121, 10144, 10157, 10159, 10181, 10182, 10405, 11000, 100119,
  100120, 100143, 100402, 100405, 100406 }

describe("every code of the API", function ()
  for _, code in ipairs(CODES) do
    it(("%d has a reason and a hint"):format(code), function ()
      local err = failures.of_answer({ class = "read", scope = "script" }, {
        status = 400, errors = { { code = code, message = "no" } }, messages = {},
      })
      assert.not_equal("refused", err.reason)
      assert(#err.hint > 10)
      assert(err.reason ~= "validation" or code == 10021, "it says no more than its status")
    end)
  end
end)
