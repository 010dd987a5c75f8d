-- To the script the main chunk, a task and a handler are what the main thread is to native Lua.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local outside = "attempt to yield from outside a coroutine"

local function check_top()
  local co, is_main = coroutine.running()
  assert(type(co) == "thread" and is_main == true)
  assert(coroutine.isyieldable() == false)
  assert(coroutine.isyieldable(co) == false)
  assert(coroutine.status(co) == "running")
  local ok, e = pcall(coroutine.yield, 1)
  assert(not ok and e == outside, e)
  ok, e = coroutine.resume(co)
  assert(ok == false and e == "cannot resume non-suspended coroutine", e)
  for _, close in ipairs { coroutine.close, function() coroutine.close(co) end } do
    ok, e = pcall(close)
    assert(not ok and tostring(e):find("cannot close main thread", 1, true), e)
  end
  sleep(0)
  assert(coroutine.running() == co)

  -- inside a coroutine of the script
  local inner
  inner = coroutine.create(function()
    local me, main = coroutine.running()
    assert(me == inner and main == false)
    assert(coroutine.isyieldable() == true)
    assert(coroutine.status(me) == "running" and coroutine.status(co) == "normal")
    local ok, e = coroutine.resume(co)
    assert(ok == false and e == "cannot resume non-suspended coroutine")
    ok, e = pcall(coroutine.close, co)
    assert(not ok, "the coroutine below was closed")
    sleep(0)
    assert(coroutine.running() == inner and coroutine.isyieldable())
    -- where Lua cannot yield
    local yieldable
    table.sort({ 2, 1 }, function(a, b) yieldable = coroutine.isyieldable() return a < b end)
    assert(yieldable == false)
    return "done"
  end)
  local ok, e = coroutine.resume(inner)
  assert(ok and e == "done", e)
  return co
end

check_top()
local a = async.spawn(check_top):await()[1]
local main = coroutine.running()
assert(a ~= main)

-- A task's coroutine after its end is dead, whatever is done to it, and its results are not lost.
local co
local h = async.spawn(function() co = coroutine.running() sleep(0) return 1, print, "x" end)
settle()
assert(coroutine.status(co) == "dead", coroutine.status(co))
local ok, e = coroutine.resume(co)
assert(ok == false and e == "cannot resume dead coroutine", e)
assert(coroutine.close(co) == true)
local r = h:await()
assert(#r == 3 and r[1] == 1 and r[2] == print and r[3] == "x")

h = async.spawn(function() co = coroutine.running() error({ "original" }) end)
settle()
assert(coroutine.status(co) == "dead")
pcall(coroutine.close, co)
ok, e = pcall(function() return h:await() end)
assert(not ok and type(e) == "table" and e[1] == "original", tostring(e))

-- While it waits it is normal to others.
h = async.spawn(function() co = coroutine.running() sleep(0.001) end)
sleep(0)
assert(coroutine.status(co) == "normal")
ok, e = coroutine.resume(co)
assert(ok == false and e == "cannot resume non-suspended coroutine")
assert(not pcall(coroutine.close, co))
h:await()

-- Handlers.
http.serve(0, { GET = { ["/"] = function() check_top() return "fine" end } }, {
  on_listen = function(server)
    async.spawn(function()
      local response = http.get("http://127.0.0.1:" .. server.port .. "/")
      assert(response.body == "fine", response.body)
      server:close()
    end)
  end,
})
print("ok")
