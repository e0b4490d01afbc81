local multipart = require "moonherd.multipart"

local TYPE = "multipart/form-data; boundary=b"

-- All events of a body fed in pieces of n bytes, as {kind, value, large} lists; then the error.
local function events_of(body, content_type, limits, n)
  local reader = assert(multipart.reader(content_type or TYPE, limits))
  local events, failure = {}, nil
  local function pull()
    while true do
      local kind, value, large = reader:next()
      if not kind then
        failure = value
        return
      end
      events[#events + 1] = { kind, value, large }
    end
  end
  for at = 1, #body, n or #body do
    reader:feed(body:sub(at, at + (n or #body) - 1))
    pull()
  end
  reader:finish()
  pull()
  return events, failure
end

describe("multipart.encode", function ()
  it("writes the bytes that browsers and curl write", function ()
    local segments, content_type, length = multipart.encode({
      { name = "metadata", content = "{}" },
      { name = 'a"b', filename = "x.mjs", content_type = "text/plain", content = "export" },
    }, "b")
    local body = table.concat(segments)
    assert.equal("--b\r\n"
      .. 'Content-Disposition: form-data; name="metadata"\r\n\r\n'
      .. "{}\r\n--b\r\n"
      .. 'Content-Disposition: form-data; name="a%22b"; filename="x.mjs"\r\n'
      .. "Content-Type: text/plain\r\n\r\n"
      .. "export\r\n--b--\r\n", body)
    assert.equal(TYPE, content_type)
    assert.equal(#body, length)
    assert.equal("export", segments[4])
  end)

  it("draws another boundary each time", function ()
    local _, one = multipart.encode { { name = "a", content = "" } }
    local _, two = multipart.encode { { name = "a", content = "" } }
    assert.matches("^multipart/form%-data; boundary=moonherd%-%x+$", one)
    assert.equal(#"multipart/form-data; boundary=moonherd-" + 32, #one)
    assert.not_equal(one, two)
  end)

  it("quotes a boundary that is not one word", function ()
    local segments, content_type = multipart.encode({ { name = "a", content = "1" } }, "x y:z")
    assert.equal('multipart/form-data; boundary="x y:z"', content_type)
    assert.equal("1", events_of(table.concat(segments), content_type)[2][2])
  end)

  it("writes a form without parts", function ()
    local segments, _, length = multipart.encode({}, "b")
    assert.same({ "--b--\r\n" }, segments)
    assert.equal(7, length)
  end)

  it("refuses wrong arguments by name", function ()
    local function message(...)
      local ok, err = pcall(multipart.encode, ...)
      assert.is_false(ok)
      assert.equal("usage", err.kind)
      return err.message
    end
    assert.matches("unknown option 'file_name' %(did you mean 'filename'%?%)",
      message { { name = "a", content = "", file_name = "x" } })
    assert.matches("part 2 has no content",
      message { { name = "a", content = "" }, { name = "b" } })
    assert.matches("part 1 has no name", message { { content = "" } })
    assert.matches("part 1 cannot be sent",
      message { { name = "a", content = "", content_type = "a\r\nb: c" } })
    assert.matches("bad boundary", message({}, 'a"b'))
    assert.matches("list expected, got nil", message(nil))
  end)
end)

describe("multipart.reader", function ()
  local BODY = table.concat {
    "--b\r\n", 'content-disposition: form-data; NAME="meta"\r\n', "X-A: 1\r\n", "X-a: 2\r\n\r\n",
    "{}\r\n--b\r\n",
    'Content-Disposition: form-data; name="f"; filename="\u{e4}\\".js"\r\n',
    "Content-Type: text/plain\r\n\r\n", "\r\n--b--\r\n\r\n",
  }

  it("gives the same events however the body is cut", function ()
    for n = 1, #BODY do
      local events, failure = events_of(BODY, TYPE, nil, n)
      assert.is_nil(failure)
      assert.same({
        { "part", { name = "meta", headers = {
          ["content-disposition"] = 'form-data; NAME="meta"', ["x-a"] = "1, 2" } } },
        { "data", "{}", false },
        { "end" },
        { "part", { name = "f", filename = '\u{e4}".js', content_type = "text/plain", headers = {
          ["content-disposition"] = 'form-data; name="f"; filename="\u{e4}\\".js"',
          ["content-type"] = "text/plain" } } },
        { "data", "", false },
        { "end" },
      }, events)
    end
  end)

  it("keeps pieces alive that Lua could collect", function ()
    local reader = multipart.reader(TYPE)
    reader:feed(BODY .. ("x"):rep(1000))
    collectgarbage()
    reader:feed(("y"):rep(1000))
    collectgarbage()
    assert.equal("meta", select(2, reader:next()).name)
    assert.equal("{}", select(2, reader:next()))
  end)

  it("gives a part over inline_max in blocks, flagged from the first one on", function ()
    local content = ("0123456789"):rep(10)
    local body = table.concat((multipart.encode({ { name = "a", content = content } }, "b")))
    local events = events_of(body, TYPE, { inline_max = 99, block = 40 }, 7)
    assert.same({ "data", content:sub(1, 40), true }, events[2])
    assert.same({ "data", content:sub(41, 80), true }, events[3])
    assert.same({ "data", content:sub(81), true }, events[4])
    assert.same({ "end" }, events[5])
    events = events_of(body, TYPE, { inline_max = 100, block = 40 }, 7)
    assert.same({ "data", content, false }, events[2])
  end)

  it("reads back what encode wrote", function ()
    local big = ("\r\n--moonherd-"):rep(100000)
    local segments, content_type = multipart.encode {
      { name = "a\r\n", filename = "\\\\host\\", content = big },
    }
    local events = events_of(table.concat(segments), content_type, nil, 65536)
    assert.equal("a\r\n", events[1][2].name)
    assert.equal("\\\\host\\", events[1][2].filename)
    local read = {}
    for i = 2, #events - 1 do
      assert.is_true(events[i][3])
      read[#read + 1] = events[i][2]
    end
    assert.equal(262144, #read[1])
    assert.is_true(table.concat(read) == big)
  end)

  it("says what is wrong with a body, and where", function ()
    local function failure(body, limits)
      local _, err = events_of(body, TYPE, limits)
      assert.equal("http", err.kind)
      return err.reason, err.detail, err.offset
    end
    local head = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n"
    assert.same({ "bad_multipart", "truncated", #head }, { failure(head) })
    assert.same({ "bad_multipart", "missing_boundary", 2 }, { failure "{}" })
    assert.same({ "bad_multipart", "bad_header", 5 }, { failure "--b\r\nbad\r\n\r\n" })
    assert.same({ "bad_multipart", "missing_name", 5 }, { failure "--b\r\nA: b\r\n\r\n" })
    assert.same({ "bad_multipart", "too_many_parts", #head + 7 },
      { failure(head .. "\r\n--b\r\n" .. head, { max_parts = 1 }) })
    assert.same({ "bad_multipart", "header_too_long", 15 }, { failure(head, { max_header = 10 }) })
    assert.same({ "too_large", "too_large", 20 }, { failure(head, { max_total = 20 }) })
  end)

  it("refuses a content type without a boundary", function ()
    local reader, err = multipart.reader "multipart/form-data"
    assert.is_nil(reader)
    assert.equal("bad_multipart", err.reason)
    assert.equal("bad_boundary", err.detail)
    assert.equal("not_multipart", select(2, multipart.reader "application/javascript").detail)
    assert.equal("not_multipart", select(2, multipart.reader(nil)).detail)
  end)

  it("refuses unknown limits", function ()
    local ok, err = pcall(multipart.reader, TYPE, { max_part = 1 })
    assert.is_false(ok)
    assert.matches("did you mean 'max_parts'", err.message)
  end)
end)
