local moonherd = require "moonherd"
local env = moonherd.env
local fs = moonherd.fs

local function failure(f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.equal("usage", err.kind)
  return err.reason, err.message
end

-- Loads a file of this text; names are made for each test, since what is loaded stays.
local function load(text, opts)
  local file <close> = fs.temp_file { bytes = text }
  return env.load(file.path, opts)
end

describe("env.parse", function ()
  local TEXTS = {
    { "A=1", { A = "1" } },
    { "\xEF\xBB\xBFA=1\r\nB=2\r\n", { A = "1", B = "2" } },
    { "# a comment\n\n  A = spaced out  \n", { A = "spaced out" } },
    { "export A=1\nexport\tB=2", { A = "1", B = "2" } },
    { "export=1", { export = "1" } },
    { "A=", { A = "" } },
    { "A=\nB=x", { A = "", B = "x" } },
    { "A=x # not this\nB=x#y\nC=#", { A = "x", B = "x#y", C = "" } },
    { "A='x # y' # z\nB=\"x # y\"# z", { A = "x # y", B = "x # y" } },
    { [[A='a\nb$C']], { A = [[a\nb$C]] } },
    { [[A="a\nb\t\"\\\$C\q"]], { A = 'a\nb\t"\\$C\\q' } },
    { "A=`it's \"so\"`", { A = "it's \"so\"" } },
    { 'A="one\ntwo"\nB=\'three\n\nfour\'', { A = "one\ntwo", B = "three\n\nfour" } },
    { 'KEY="-----BEGIN\nabc=\n-----END"', { KEY = "-----BEGIN\nabc=\n-----END" } },
    { "A=1\nA=2", { A = "2" } },
    { "A=$HOME/x", { A = "$HOME/x" } },
    { "A=it's", { A = "it's" } },
    { "A=$HOME/${B}", { A = "$HOME/${B}" } },
    { "A= x # y\t \nB=\"  \"", { A = "x", B = "  " } },
    { "A=#x\nB='#x'", { A = "", B = "#x" } },
    { 'A="one\r\ntwo"\r\n', { A = "one\ntwo" } },
    { "A.b-c=1\n_=2", { ["A.b-c"] = "1", _ = "2" } },
    { "A=\xff\xfe", { A = "\xff\xfe" } },
    { "", {} },
  }
  it("reads the text of .env files", function ()
    for _, case in ipairs(TEXTS) do assert.same(case[2], env.parse(case[1]), case[1]) end
  end)

  local BAD = {
    { "A=1\nhunter2", "env.parse:2: NAME=value is expected" },
    { "1A=hunter2", "env.parse:1: NAME=value is expected" },
    { "A=1\n\nB=\"hunter2\n", "env.parse:3: the quote is not closed" },
    { "export hunter2", "env.parse:1: NAME=value is expected" },
    { "A: hunter2", "env.parse:1: NAME=value is expected" },
    { "A='hunter'\\''two'", "env.parse:1: something stands behind the quote" },
    { "A='x' hunter2", "env.parse:1: something stands behind the quote" },
    { "A=1\nB=hunter\0two", "env.parse:2: a zero byte" },
  }
  it("reads long values at once", function ()
    local spaces = (" "):rep(1e6)
    assert.equal("x" .. spaces .. "y", env.parse("A=x" .. spaces .. "y" .. spaces).A)
  end)

  it("says where something is wrong, and not what stands there", function ()
    for _, case in ipairs(BAD) do
      local reason, message = failure(env.parse, case[1])
      assert.equal("bad_env", reason)
      assert.equal(case[2], message)
    end
  end)
end)

describe("env.get", function ()
  local VALUES = {
    { "string", "x y", "x y" }, { "number", "1.5", 1.5 }, { "integer", "42", 42 },
    { "integer", "1e3", 1000 }, { "boolean", "Yes", true }, { "boolean", "0", false },
    { "duration", "250ms", 0.25 }, { "duration", "3", 3 },
    { "list", "a, b,,c ", { "a", "b", "c" } }, { "list", " , a b ,\t", { "a b" } },
  }
  it("gives values of the type that is asked for", function ()
    for _, case in ipairs(VALUES) do
      load("ENV_SPEC_VALUE='" .. case[2] .. "'")
      assert.same(case[3], env.get("ENV_SPEC_VALUE", { type = case[1] }))
    end
    load "ENV_SPEC_VALUE=hunter2-hunter2"
    local key = env.get("ENV_SPEC_VALUE", { type = "secret" })
    assert.equal("***", tostring(key))
    assert.equal("hunter2-hunter2", key:reveal())
  end)

  local BAD = {
    { "number", "env.get: ENV_SPEC_BAD is not a number" },
    { "integer", "env.get: ENV_SPEC_BAD is not an integer" },
    { "boolean", "env.get: ENV_SPEC_BAD is not true or false" },
    { "duration", 'env.get: ENV_SPEC_BAD is not seconds or text like "250ms", "5s", "1h30m"' },
  }
  it("names the type that a shortened one stands for", function ()
    for short, long in pairs { int = "integer" } do
      local ok, err = pcall(moonherd.env.get, "HOME", { type = short })
      assert.is_false(ok)
      assert.equal(("env.get: bad option 'type' (got '%s' (did you mean '%s'?))"):format(short,
        long), err.message)
    end
  end)

  it("refuses what is of another type, and does not show it", function ()
    load "ENV_SPEC_BAD=hunter2"
    for _, case in ipairs(BAD) do
      local reason, message = failure(env.get, "ENV_SPEC_BAD", { type = case[1] })
      assert.equal("bad_env", reason)
      assert.equal(case[2], message)
    end
    for _, text in ipairs { "-1", "1e999", "nan", "5 parsecs" } do
      load("ENV_SPEC_BAD=" .. text)
      assert.equal("bad_env", failure(env.get, "ENV_SPEC_BAD", { type = "duration" }))
    end
  end)

  it("takes a default, or insists", function ()
    load "ENV_SPEC_EMPTY="
    for _, name in ipairs { "ENV_SPEC_NONE", "ENV_SPEC_EMPTY" } do
      assert.is_nil(env.get(name))
      assert.equal(false, env.get(name, { type = "boolean", default = false, required = true }))
      assert.equal("env_missing", failure(env.get, name, { required = true }))
    end
    assert.equal("usage", failure(env.get, "X", { type = "int" }))
    assert.equal("usage", failure(env.get, ""))
  end)
end)

describe("env.load", function ()
  it("leaves what is set already, unless asked to", function ()
    local path = os.getenv "PATH"
    assert.same({ PATH = "elsewhere" }, load "PATH=elsewhere")
    assert.equal(path, env.get "PATH")
    assert.equal(path, env.all().PATH)
    load("PATH=elsewhere", { override = true })
    assert.equal("elsewhere", env.get "PATH")
    assert.equal("elsewhere", env.all().PATH)
    load("PATH=" .. path, { override = true })
    assert.equal(path, os.getenv "PATH")
  end)

  it("is seen by programs", function ()
    load "ENV_SPEC_CHILD=from the file"
    local result = moonherd.sh { "sh", "-c", "echo $ENV_SPEC_CHILD" }
    assert.equal("from the file\n", result.stdout)
  end)

  it("tells when there is no such file, unless that is fine", function ()
    local _, err = moonherd.try(env.load, "/no/such/.env")
    assert.equal("not_found", err.reason)
    assert.same({}, env.load("/no/such/.env", { optional = true }))
    local file <close> = fs.temp_file { bytes = "A=1\nhunter2" }
    local reason, message = failure(env.load, file.path)
    assert.equal("bad_env", reason)
    assert.equal(file.path .. ":2: NAME=value is expected", message)
  end)
end)
