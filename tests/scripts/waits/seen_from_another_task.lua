-- A coroutine that is in a wait, as another task sees it: normal, not to be resumed.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local base = arg[1]

-- Each kind of wait; the coroutine never comes back by itself.
local kinds = {
  sleep = function() sleep(1000) end,
  http = function() http.get(base .. "/never") end,
  body = function() http.get(base .. "/half") end,
  await = function() async.spawn(sleep, 1000):await() end,
  serve = function() http.serve(0, {}) end,
}
for name, wait in pairs(kinds) do
  local outer, inner
  local task = async.spawn(function()
    inner = coroutine.create(wait)
    outer = coroutine.create(function() return coroutine.resume(inner) end)
    return coroutine.resume(outer)
  end)
  settle()
  for _, co in ipairs { outer, inner } do
    assert(coroutine.status(co) == "normal", name .. ": " .. coroutine.status(co))
    local ok, e = coroutine.resume(co)
    assert(ok == false and e == "cannot resume non-suspended coroutine", e)
    assert(coroutine.isyieldable(co) == true)
  end
  local trace = debug.traceback(inner)
  assert(trace:find("stack traceback", 1, true), trace)
  task:cancel()
  pcall(function() return task:await() end)
  assert(coroutine.status(outer) == "dead" and coroutine.status(inner) == "dead", name)
end

-- 'wrap' refuses as well, and a coroutine that only yielded is free for any task.
local f = coroutine.wrap(function() sleep(0.001) return "first" end)
local task = async.spawn(f)
sleep(0)
local ok, e = pcall(f)
assert(not ok and tostring(e):find("cannot resume non-suspended coroutine", 1, true), e)
assert(task:await()[1] == "first")

local co = coroutine.create(function(...) sleep(0) local x = coroutine.yield(...) sleep(0) return x end)
assert(async.spawn(coroutine.resume, co, "one"):await()[2] == "one")
assert(coroutine.status(co) == "suspended")
assert(async.spawn(coroutine.resume, co, "two"):await()[2] == "two")
assert(coroutine.status(co) == "dead")

-- Within its own task, what resumed it is normal as in any Lua.
local outer
outer = coroutine.create(function()
  sleep(0)
  local inner = coroutine.wrap(function() sleep(0) return coroutine.status(outer) end)
  return inner()
end)
local ok, status = coroutine.resume(outer)
assert(ok and status == "normal")
print("ok")
