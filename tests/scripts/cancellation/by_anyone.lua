-- Who cancels: the task itself, a close handler, a finalizer, a handler of another task, another task
-- that is being cancelled.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local function cancelled(h)
  local ok, e = pcall(function() return h:await() end)
  return not ok and type(e) == "table" and e.kind == "cancelled"
end

-- Before it begins it never runs.
local ran = false
local h = async.spawn(function() ran = true end)
h:cancel()
assert(cancelled(h) and not ran)
h = async.spawn(function() ran = true end)
h.cancel()
h.cancel()
settle()
assert(cancelled(h) and not ran)

-- By itself: what it computes goes on, its next wait does not.
local me
local reached
me = async.spawn(function()
  me:cancel()
  reached = true
  sleep(0)
  reached = "too far"
end)
assert(cancelled(me) and reached == true)
me = async.spawn(function() me:cancel() return "no wait" end)
assert(me:await()[1] == "no wait")

-- By a close handler, its own and another's.
local other = async.spawn(sleep, 1000)
do
  local x <close> = setmetatable({}, { __close = function() other:cancel() end })
end
assert(cancelled(other))
me = async.spawn(function()
  do local x <close> = setmetatable({}, { __close = function() me:cancel() end }) end
  sleep(1000)
end)
assert(cancelled(me))

-- By a finalizer.
for _, wait in ipairs {
  function() sleep(1000) end,
  function() http.get(arg[1] .. "/never") end,
  function() http.serve(0, {}) end,
  function() async.spawn(sleep, 1000):await() end,
} do
  other = async.spawn(wait)
  settle()
  setmetatable({}, { __gc = function() other:cancel() end })
  collectgarbage()
  assert(cancelled(other))
end
me = async.spawn(function()
  setmetatable({}, { __gc = function() me:cancel() end })
  collectgarbage()
  sleep(1000)
end)
assert(cancelled(me))

-- By a task that is being cancelled, in a chain and in a circle.
local first, second, third
local function then_cancel(which)
  return function()
    local x <close> = setmetatable({}, { __close = function() which():cancel() end })
    sleep(1000)
  end
end
first = async.spawn(then_cancel(function() return second end))
second = async.spawn(then_cancel(function() return third end))
third = async.spawn(then_cancel(function() return first end))
sleep(0)
first:cancel()
assert(cancelled(first) and cancelled(second) and cancelled(third))

-- From inside a coroutine of the task, and of one in a wait.
me = async.spawn(function()
  coroutine.wrap(function() me:cancel() sleep(1000) end)()
end)
assert(cancelled(me))

-- By a handler; and one handler cancels another request's task.
local victim, victim_error
http.serve(0, {
  GET = {
    ["/victim"] = function()
      victim = async.spawn(sleep, 1000)
      local ok, e = pcall(function() return victim:await() end)
      victim_error = e
      return "was cancelled: " .. e.kind
    end,
    ["/cancel"] = function()
      while not victim do sleep(0) end
      victim:cancel()
      return "done"
    end,
  },
}, {
  on_listen = function(server)
    async.spawn(function()
      local at = "http://127.0.0.1:" .. server.port
      local bodies = async.all({
        function() return http.get(at .. "/victim").body end,
        function() return http.get(at .. "/cancel").body end,
      })
      assert(bodies[1] == "was cancelled: cancelled" and bodies[2] == "done", bodies[1])
      server:close()
    end)
  end,
})
assert(victim_error.kind == "cancelled")

-- The main chunk's own waits are nobody's to cancel but the operator's: it has no handle.
sleep(0)
print("ok")
