-- Methods that say so when they are called with a dot. Called so, a method would take its first
-- argument for the object, and tell about the second one, or about a field that nobody knows.
local errors = require "moonherd._error"

local M = {}

-- With a guard nobody sees the metatable of what is made in C: `false`. Its methods look for
-- themselves.
local function is_of(class, value)
  local meta = getmetatable(value)
  return meta == class or meta == false and type(class) == "string"
    or type(meta) == "table" and rawget(meta, "__name") == class
end

--- A method that refuses to work on anything but an object of its class.
---@param class table|string  the metatable of the objects, or the __name of one made in C
---@param what string  what an object is called: "script"
---@param name string  of the method
---@param method function
---@return function guarded
function M.method(class, what, name, method)
  return function (self, ...)
    if is_of(class, self) then return method(self, ...) end
    return error(errors.set {
      kind = "usage", reason = "usage",
      message = ("%s:%s: no %s before the name; call it with a colon, %s:%s(…)"):format(what, name,
        what, what, name),
    }, 0)
  end
end

--- Makes the methods of a class refuse to work on anything but an object of that class.
---@param class table|string  the metatable of the objects, or the __name of one made in C
---@param what string  what an object is called: "script"
---@param methods? table  where its methods are; default in the class
function M.guard(class, what, methods)
  methods = methods or class
  local guarded = {}
  for name, value in pairs(methods) do
    if type(value) == "function" and name:sub(1, 2) ~= "__" then
      guarded[name] = M.method(class, what, name, value)
    end
  end
  for name, method in pairs(guarded) do methods[name] = method end
end

return M
