-- What objects have when a script looks at them, and what the documentation says they have: one of
-- each is made, and every method and field that is not private must be documented.
local fs = require "moonherd.fs"
local handles = require "tests.spec.support.handles"
local index = require "moonherd.docs.index"
local moonherd = require "moonherd"

-- What an object answers to, by name: its own fields, and the methods of its class.
local function names_of(object)
  local names = {}
  local function take(from)
    for name, value in next, type(from) == "table" and from or {} do
      local is_public = type(name) == "string" and not name:find "^_"
      if is_public then names[name] = type(value) end
    end
  end
  local class = debug.getmetatable(object)
  if type(object) == "table" then take(object) end
  if class then take(type(class.__index) == "table" and class.__index or class) end
  return names
end

local function entry_of(name)
  for entry in index.each() do
    if entry.name == name then return entry end
  end
  error("there is no documentation of " .. name)
end

-- The fields that the block of a class has, or those of what a function returns: of a list, those
-- of its items.
local function fields_of(entry, is_list)
  local fields = {}
  local result = entry.block.returns[1]
  local owner = entry.kind == "class" and "" or result.name .. (is_list and "[]" or "")
  for _, field in ipairs(entry.block.fields) do
    local path, name = field.name:match "^(.-)%.?([%w_]+)$"
    if path == owner then fields[name] = field end
  end
  return fields
end

local function methods_of(entry)
  local methods = {}
  for _, member in ipairs(entry.members or {}) do
    methods[member.name:match "[%w_]+$"] = member.block
  end
  return methods
end

-- Those of C that index by a function: the methods are a table beside, the fields are asked for.
local core = require "moonherd._serve"
local BY_FUNCTION = {
  server = { methods = core.Server, fields = { "port" } },
  request = {
    methods = core.Request,
    fields = { "method", "target", "headers", "content_length", "too_large" },
  },
}

local objects = {} -- {name=, names=, item=, own_name=, can_call=} in the order they were made

local function note(name, object)
  local by_function = BY_FUNCTION[name]
  local names = names_of(by_function and by_function.methods or object)
  for _, field in ipairs(by_function and by_function.fields or {}) do
    if object[field] ~= nil then names[field] = type(object[field]) end
  end
  local class = debug.getmetatable(object)
  objects[#objects + 1] = {
    name = name, names = names, own_name = class and class.__name,
    can_call = class and class.__call,
    item = type(object) == "table" and object[1] and names_of(object[1]),
  }
end

local dir <close> = fs.temp_dir()
handles.each(moonherd.connect { target = "local", state = dir.path }, note)

for _, made in ipairs(objects) do
  describe(made.name, function ()
    local entry = entry_of(made.name)
    local fields, methods = fields_of(entry, made.item), methods_of(entry)
    local names = made.item or made.names

    it("has documentation of all it answers to", function ()
      for name, kind in pairs(names) do
        local is_known = kind == "function" and methods[name] or fields[name]
        assert(is_known, ("%s has '%s', of which nothing is said"):format(made.name, name))
      end
    end)

    it("answers to all that is documented", function ()
      for name in pairs(methods) do assert.equal("function", names[name], name) end
      for name, field in pairs(fields) do
        assert(field.optional or names[name], ("'%s' is documented and not there"):format(name))
      end
    end)

    it("is called by the name of its class", function ()
      if entry.kind ~= "class" or not made.own_name then return end
      assert.equal(made.name, made.own_name:match "[%w_]+$")
      assert.equal(entry.block.call ~= nil, made.can_call ~= nil)
    end)
  end)
end

describe("every class", function ()
  it("has been looked at", function ()
    local seen = {}
    for _, made in ipairs(objects) do seen[made.name] = true end
    for _, entry in ipairs(index.all()) do
      assert(entry.kind ~= "class" or seen[entry.name], entry.name .. ": none was made")
    end
  end)
end)
