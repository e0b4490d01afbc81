local moonherd = require "moonherd"
local hash = require "moonherd.hash"

local LARGE = 64 * 1024 + 1 -- one byte more than is done without waiting

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  return err
end

-- Bytes that are the same in every run.
local function bytes(n)
  local block = {}
  for i = 0, 255 do block[#block + 1] = string.char(i * 167 % 256) end
  local text = table.concat(block)
  return text:rep(n // 256 + 1):sub(1, n)
end

describe("hash.sha256", function ()
  it("gives what is published", function ()
    assert.are.equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
      hash.sha256 "")
    assert.are.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      hash.sha256 "abc")
    assert.are.equal(hash.unhex(hash.sha256 "abc"), hash.sha256_raw "abc")
  end)

  it("gives what is published for a million letters, while others run", function ()
    local turns, is_done = 0, false
    local digest = moonherd.gather(function ()
      local digest = hash.sha256(("a"):rep(1000000))
      is_done = true
      return digest
    end, function ()
      while not is_done do
        turns = turns + 1
        moonherd.sleep(0)
      end
    end)
    assert.are.equal("cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", digest)
    assert.is_true(turns > 0) -- none if the first had kept the loop
  end)

  it("gives the same on both sides of the limit", function ()
    for _, n in ipairs { LARGE - 1, LARGE, 48 * 1024 * 3, 48 * 1024 * 3 + 1 } do
      local text = bytes(n)
      local h = hash.new()
      for i = 1, n, 1000 do h:update(text:sub(i, i + 999)) end
      assert.are.equal(h:hex(), hash.sha256(text))
      assert.are.equal(h:raw(), hash.sha256_raw(text))
    end
  end)

  it("waits for large strings, and says where it cannot", function ()
    local err
    string.gsub("x", "x", function () err = failure(hash.sha256, bytes(LARGE)) end)
    assert.are.equal("cannot_wait", err.reason)
    assert.matches("hash.sha256: cannot wait inside string.gsub", err.message, 1, true)
    string.gsub("x", "x", function () err = hash.sha256 "abc" end)
    assert.are.equal(hash.sha256 "abc", err)
  end)

  it("can be cancelled", function ()
    for _ = 1, 20 do
      local task = moonherd.spawn(hash.sha256, bytes(4000000))
      moonherd.sleep(0)
      task:cancel "enough"
      assert.are.equal("cancelled", failure(task.wait, task).kind)
    end
    collectgarbage()
    assert.are.equal(hash.sha256 "abc", hash.new():update "abc":hex())
  end)

  it("refuses what is no string", function ()
    assert.are.equal("hash.sha256: a string was expected, got nil", failure(hash.sha256).message)
    assert.are.equal("usage", failure(hash.sha256_raw, 12).kind)
  end)
end)

describe("hash.hmac_sha256", function ()
  it("gives what RFC 4231 says", function ()
    assert.are.equal("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
      hash.hex(hash.hmac_sha256("Jefe", "what do ya want for nothing?")))
    assert.are.equal("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
      hash.hex(hash.hmac_sha256(("\xaa"):rep(131),
        "Test Using Larger Than Block-Size Key - Hash Key First")))
  end)

  it("is what its definition says, for large strings", function ()
    local text, key = bytes(LARGE), ("k"):rep(64)
    local function padded(byte)
      return (key:gsub(".", function (c) return string.char(c:byte() ~ byte) end))
    end
    local inner = hash.sha256_raw(padded(0x36) .. text)
    assert.are.equal(hash.sha256_raw(padded(0x5c) .. inner), hash.hmac_sha256(key, text))
  end)
end)

describe("hash.new", function ()
  it("tells the hash of what was fed so far", function ()
    local h = hash.new()
    assert.are.equal(hash.sha256 "", h:hex())
    assert.are.equal(h, h:update "a")
    assert.are.equal(hash.sha256 "a", h:hex())
    assert.are.equal(hash.sha256 "abc", h:update "bc":hex())
  end)

  it("takes large strings", function ()
    local text = bytes(500000)
    local h = hash.new():update "x":update(text):update "y"
    assert.are.equal(hash.sha256("x" .. text .. "y"), h:hex())
  end)

  it("is for one task at a time", function ()
    local h = hash.new()
    local task = moonherd.spawn(function () return h:update(bytes(8000000)):hex() end)
    moonherd.sleep(0)
    assert.are.equal("hasher:hex: another task is in hasher:update", failure(h.hex, h).message)
    assert.are.equal(hash.sha256(bytes(8000000)), task:wait())
  end)

  it("is of no use after an update was cancelled", function ()
    local h = hash.new()
    local task = moonherd.spawn(function () h:update(bytes(8000000)) end)
    moonherd.sleep(0)
    task:cancel()
    failure(task.wait, task)
    assert.are.equal("hasher:hex: an update of this hash was cancelled", failure(h.hex, h).message)
    assert.are.equal("hasher:update: an update of this hash was cancelled",
      failure(h.update, h, "x").message)
  end)

  it("refuses wrong arguments", function ()
    local h = hash.new()
    local err = failure(h.update, h)
    assert.are.equal("hasher:update: a string was expected, got no value", err.message)
    assert.are.equal("hasher:hex: a hasher was expected, got table", failure(h.hex, {}).message)
  end)
end)

describe("base64", function ()
  local cases = {
    { "", "", "" }, { "f", "Zg==", "Zg" }, { "fo", "Zm8=", "Zm8" }, { "foo", "Zm9v", "Zm9v" },
    { "foobar", "Zm9vYmFy", "Zm9vYmFy" }, { "\xfb\xff\xfe?>", "+//+Pz4=", "-__-Pz4" },
    { "\0\0", "AAA=", "AAA" },
  }
  for _, case in ipairs(cases) do
    it(("knows %q"):format(case[1]), function ()
      assert.are.equal(case[2], hash.base64(case[1]))
      assert.are.equal(case[3], hash.base64url(case[1]))
      assert.are.equal(case[1], hash.unbase64(case[2]))
      assert.are.equal(case[1], hash.unbase64url(case[3]))
    end)
  end

  it("brings back strings of any length", function ()
    for _, n in ipairs { 1, 100, 1000, LARGE - 1, LARGE, LARGE + 1, LARGE + 2, 48 * 1024 * 4 } do
      local text = bytes(n)
      assert.are.equal(text, hash.unbase64(hash.base64(text)))
      assert.are.equal(text, hash.unbase64url(hash.base64url(text)))
    end
  end)

  it("is nil for texts that are wrong, short and long", function ()
    local wrong = { "Z", "Zg", "Zg=", "Zh==", "Zm9v\n", " Zm9v", "Zm9-", "====", "Zg==Zg==" }
    for _, text in ipairs(wrong) do assert.is_nil(hash.unbase64(text)) end
    for _, text in ipairs { "Z", "Zg=", "Zm9+", "Zh", "Zm9v " } do
      assert.is_nil(hash.unbase64url(text))
    end
    local long = hash.base64(bytes(300000))
    for _, place in ipairs { 1, 65536, 65537, 200000, #long - 4 } do
      assert.is_nil(hash.unbase64(long:sub(1, place - 1) .. "*" .. long:sub(place + 1)))
    end
    assert.are.same({ n = 1 }, table.pack(hash.unbase64 "Z"))
  end)
end)

describe("hex", function ()
  it("goes both ways", function ()
    assert.are.equal("00afff", hash.hex "\x00\xaf\xff")
    assert.are.equal("\x00\xaf\xff", hash.unhex "00AFff")
    assert.are.equal("", hash.unhex "")
    local text = bytes(LARGE)
    assert.are.equal(text, hash.unhex(hash.hex(text)))
  end)

  it("is nil for texts that are wrong", function ()
    for _, text in ipairs { "0", "0g", "g0", "0x12", " 00", "00 " } do
      assert.is_nil(hash.unhex(text))
    end
  end)
end)

describe("random", function ()
  it("gives as many bytes as asked for", function ()
    for _, n in ipairs { 0, 1, 32, 5000 } do assert.are.equal(n, #hash.random(n)) end
    assert.are_not.equal(hash.random(16), hash.random(16))
  end)

  it("refuses other counts", function ()
    for _, count in ipairs { -1, 1.5, 1048577, "x", {} } do
      assert.matches("hash.random: a number of bytes from 0 to 1048576 was expected",
        failure(hash.random, count).message, 1, true)
    end
  end)

  it("makes UUIDs", function ()
    local pattern = "^%x%x%x%x%x%x%x%x%-%x%x%x%x%-4%x%x%x%-[89ab]%x%x%x%-%x%x%x%x%x%x%x%x%x%x%x%x$"
    assert.matches(pattern, hash.uuid())
    assert.are_not.equal(hash.uuid(), hash.uuid())
  end)
end)

describe("hash.equal", function ()
  it("compares", function ()
    assert.is_true(hash.equal("abc", "abc"))
    assert.is_false(hash.equal("abc", "abd"))
    assert.is_false(hash.equal("abc", "abcd"))
    assert.is_true(hash.equal("", ""))
    assert.are.equal("usage", failure(hash.equal, "a", nil).kind)
  end)
end)

describe("hash.seal", function ()
  local key = hash.random(32)

  it("opens again", function ()
    for _, n in ipairs { 0, 1, 1000, LARGE } do
      local text = bytes(n)
      local sealed = hash.seal(key, text, "tenant")
      assert.are.equal(n + 28, #sealed)
      assert.are.equal(text, hash.open(key, sealed, "tenant"))
    end
    assert.are.equal("x", hash.open(key, hash.seal(key, "x")))
    assert.are_not.equal(hash.seal(key, "x"), hash.seal(key, "x"))
  end)

  it("does not open with anything changed", function ()
    local sealed = hash.seal(key, "secret", "tenant")
    assert.is_nil(hash.open(key, sealed))
    assert.is_nil(hash.open(key, sealed, "another"))
    assert.is_nil(hash.open(hash.random(32), sealed, "tenant"))
    assert.is_nil(hash.open(key, sealed:sub(1, -2), "tenant"))
    assert.is_nil(hash.open(key, sealed:sub(1, -2) .. string.char(sealed:byte(-1) ~ 1), "tenant"))
    assert.is_nil(hash.open(key, "", "tenant"))
  end)

  it("refuses keys of another length", function ()
    local err = failure(hash.seal, "abc", "")
    assert.are.equal("hash.seal: a key has 32 bytes, this one 3", err.message)
    assert.are.equal("usage", failure(hash.open, key .. "x", "").kind)
  end)
end)
