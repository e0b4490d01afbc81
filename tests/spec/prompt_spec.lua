-- What happens without a terminal; tests/c/test_prompt.c has one.
local moonherd = require "moonherd"
local PROGRAM = (os.getenv "B" or "build") .. "/moonherd"

local function run(code)
  local program = 'local prompt = require "moonherd".prompt; ' .. code
  return moonherd.sh({ PROGRAM, "--target", "local", "-e", program },
    { check = false, stdin = "yes\n" })
end

describe("prompt", function ()
  it("takes the default and says so when there is no terminal", function ()
    local result = run [[
      print(prompt.confirm("Sure?", { default = false }), prompt.text("Who?", { default = "me" }),
        prompt.choose("Where?", { "a", "b" }, { default = "b" }),
        prompt.secret("Key?", { default = "hunter2" }))]]
    assert.equal("false\tme\tb\t***\n", result.stdout)
    assert.equal("Sure? no (default; no terminal)\nWho? me (default; no terminal)\n"
      .. "Where? b (default; no terminal)\nKey? *** (default; no terminal)\n", result.stderr)
  end)

  it("refuses to ask when there is neither a terminal nor a default", function ()
    for _, call in ipairs { "confirm 'x'", "text 'x'", "choose('x', { 'a' })", "secret 'x'" } do
      local result = run(([[local ok, err = pcall(function () return prompt.%s end)
        print(ok, err.reason, err.message)]]):format(call))
      assert.matches("^false\tno_terminal\tprompt%.%a+: there is no terminal to ask on\n$",
        result.stdout)
    end
  end)

  it("names what is wrong with a question", function ()
    local prompt = moonherd.prompt
    local WRONG = {
      { prompt.confirm, { 5 }, "prompt.confirm: bad question" },
      { prompt.confirm, { "x", { default = "yes" } }, "boolean expected" },
      { prompt.choose, { "x", {} }, "bad choices" },
      { prompt.choose, { "x", { "staging" }, { default = "stagin" } }, "did you mean 'staging'" },
      { prompt.secret, { "x", { echo = true } }, "unknown option 'echo'" },
    }
    for _, case in ipairs(WRONG) do
      local ok, err = pcall(case[1], table.unpack(case[2]))
      assert.is_false(ok)
      assert.equal("usage", err.kind)
      assert.matches(case[3], err.message, 1, true)
    end
  end)
end)
