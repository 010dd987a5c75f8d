-- A task's error comes out of 'await' as the value it was.
local object = setmetatable({}, { __tostring = function() return "object" end })
for _, value in ipairs { "text", 42, object, false } do
  for _, wait in ipairs { function() end, function() sleep(0.001) end } do
    local h = async.spawn(function() wait() error(value, 0) end)
    for _ = 1, 3 do -- each time it is awaited
      local ok, e = pcall(function() return h:await() end)
      assert(not ok and e == value, tostring(e))
      ok, e = pcall(h.await)
      assert(not ok and e == value, tostring(e))
    end
  end
end

-- Its position is where it was raised; a failure of the world keeps its kind.
local ok, e = pcall(function() async.spawn(function() error("here") end):await() end)
assert(not ok and e:find("errors_of_tasks.lua:%d+: here$"), e)
ok, e = pcall(function() async.spawn(http.get, "http://10.0.0.1/"):await() end)
assert(not ok and e.kind == "denied", tostring(e))

-- Through tasks that await tasks.
local function chain(n)
  if n == 0 then error(object) end
  async.spawn(chain, n - 1):await()
end
ok, e = pcall(chain, 50)
assert(not ok and e == object)

-- Several that await see it, each its own way.
local h = async.spawn(function() sleep(0.001) error(object) end)
local others = {}
for i = 1, 4 do
  others[i] = async.spawn(function()
    local ok, e = pcall(function() return h:await() end)
    return ok, e
  end)
end
for i = 1, 4 do
  local r = others[i]:await()
  assert(r[1] == false and r[2] == object)
end

-- An error in a close handler replaces the task's.
ok, e = pcall(function()
  async.spawn(function()
    local x <close> = setmetatable({}, { __close = function() error("closing", 0) end })
    error("body", 0)
  end):await()
end)
assert(not ok and e == "closing", tostring(e))
print("ok")
