-- 'coroutine.close' cancels the wait of a coroutine and closes its variables.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local base = arg[1]
local closed
local function holder(wait)
  return function()
    local x <close> = setmetatable({}, { __close = function() closed = true end })
    wait()
    error("the wait came back")
  end
end
local kinds = {
  sleep = function() sleep(1000) end,
  headers = function() http.get(base .. "/never") end,
  body = function() http.get(base .. "/half") end,
  await = function() async.spawn(sleep, 1000):await() end,
  serve = function() http.serve(0, {}) end,
}
for name, wait in pairs(kinds) do
  for _, how in ipairs { "resume", "wrap" } do
    closed = false
    local co
    local task = async.spawn(function()
      co = coroutine.create(holder(wait))
      if how == "wrap" then
        return pcall(coroutine.wrap(function() return coroutine.resume(co) end))
      end
      return coroutine.resume(co)
    end)
    settle()
    assert(coroutine.close(co) == true, name)
    assert(closed, name)
    assert(coroutine.status(co) == "dead")
    local r = task:await()
    local failed, e = r[1], r[2]
    if how == "wrap" then assert(r[1] == true) failed, e = r[2], r[3] end
    assert(failed == false and e.kind == "cancelled", name .. " " .. how .. ": " .. tostring(e))
  end
end

-- The task itself is not cancelled: it can go on waiting.
local co
local task = async.spawn(function()
  co = coroutine.create(function() sleep(1000) end)
  assert(coroutine.resume(co) == false)
  sleep(0)
  return "went on"
end)
sleep(0)
coroutine.close(co)
assert(task:await()[1] == "went on")

-- The outer of two is closed: the inner is cancelled, and is nobody's any more. A new wait of the
-- task is not its business, nor can it be cancelled through it.
local outer, inner
local task = async.spawn(function()
  inner = coroutine.create(function() sleep(1000) end)
  outer = coroutine.create(function() return coroutine.resume(inner) end)
  local ok, e = coroutine.resume(outer)
  assert(ok == false and e.kind == "cancelled")
  local ok, e = pcall(sleep, 0.05)
  return ok, e
end)
sleep(0)
assert(coroutine.close(outer) == true)
settle()
assert(coroutine.status(outer) == "dead")
assert(coroutine.status(inner) == "suspended", coroutine.status(inner))
assert(coroutine.close(inner) == true)
assert(coroutine.status(inner) == "dead")
local r = task:await()
assert(r[1] == true, tostring(r[2]))

-- An orphan that is resumed finds its wait cancelled.
local orphan
task = async.spawn(function()
  orphan = coroutine.create(function() return pcall(sleep, 1000) end)
  outer = coroutine.create(function() return coroutine.resume(orphan) end)
  coroutine.resume(outer)
end)
sleep(0)
coroutine.close(outer)
local resumed, ok, e = coroutine.resume(orphan)
assert(resumed == true and ok == false and e.kind == "cancelled", tostring(e))
task:await()

-- A handler that fails gives its error; what it can do without waiting, it can.
local co
task = async.spawn(function()
  co = coroutine.create(function()
    local x <close> = setmetatable({}, { __close = function() error("in close", 0) end })
    sleep(1000)
  end)
  return coroutine.resume(co)
end)
sleep(0)
local ok, e = coroutine.close(co)
assert(ok == false and e == "in close")
assert(task:await()[1] == false)

-- Coroutines that only yielded, have not begun, or are dead, close as in any Lua.
co = coroutine.create(function() sleep(0) coroutine.yield() end)
assert(coroutine.close(co) == true and coroutine.status(co) == "dead")
co = coroutine.create(function() sleep(0) coroutine.yield() end)
coroutine.resume(co)
assert(coroutine.close(co) == true and coroutine.close(co) == true)
print("ok")
