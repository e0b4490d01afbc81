-- What is left at the end of a script: variables to be closed, coroutines, finalizers and their
-- errors, which are warnings.
local function on_gc(f) return setmetatable({}, { __gc = f }) end

print "-- finalizers that raise"
warn "@on"
on_gc(function () error "text" end)
collectgarbage()
on_gc(function () error {} end)
collectgarbage()
on_gc(function ()
  error(setmetatable({}, { __tostring = function () return "an object" end }))
end)
collectgarbage()
warn "@off"
on_gc(function () error "not told" end)
collectgarbage()
warn "@on"

print "-- what finalizers can do"
on_gc(function () print(coroutine.isyieldable(), pcall(coroutine.yield)) end)
collectgarbage()
on_gc(function () print(coroutine.wrap(function () coroutine.yield "from a coroutine" end)()) end)
collectgarbage()
on_gc(function () print(pcall(require, "string")) end)
collectgarbage()
on_gc(function () print(collectgarbage(), collectgarbage "count") end)
collectgarbage()
on_gc(true)
collectgarbage()

print "-- at the end"
local last <close> = setmetatable({}, { __close = function (_, err) print("closed last", err) end })
local first <close> = setmetatable({}, { __close = function (_, err) print("closed first", err) end })
Kept = {}
for i = 1, 4 do
  Kept[i] = on_gc(function ()
    print("finalizer", i)
    if i == 2 then error "in a finalizer" end
    if i == 3 then on_gc(function () print "made by a finalizer" end) end
  end)
end
Kept.never = coroutine.wrap(function ()
  local _ <close> = setmetatable({}, { __close = function () print "never closed" end })
  coroutine.yield()
end)
Kept.never()
io.write "without a line end"
