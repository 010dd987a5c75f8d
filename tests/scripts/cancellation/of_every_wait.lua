-- 'h:cancel()' interrupts each kind of wait, at once, with an error of kind 'cancelled'; every later
-- wait of the task raises again.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local base = arg[1]
local port
local waits = {
  sleep = function() sleep(1000) end,
  headers = function() http.get(base .. "/never") end,
  body = function() http.get(base .. "/half") end,
  post = function() http.post(base .. "/never", ("x"):rep(100000)) end,
  client = function() http.client({}):get(base .. "/never") end,
  await = function() async.spawn(sleep, 1000):await() end,
  all = function() async.all({ function() sleep(1000) end }) end,
  race = function() async.race({ function() sleep(1000) end }) end,
  timeout = function() async.timeout(500, sleep, 1000) end,
  serve = function() http.serve(0, {}, { on_listen = function(server) port = server.port end }) end,
  coroutine = function() coroutine.wrap(function() coroutine.wrap(function() sleep(1000) end)() end)() end,
  metamethod = function() return setmetatable({}, { __index = function() sleep(1000) end }).x end,
  iterator = function() for _ in function() sleep(1000) end do end end,
}

for name, wait in pairs(waits) do
  local errors, closed = {}, 0
  local h = async.spawn(function()
    local x <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
    local ok
    ok, errors[1] = pcall(wait)
    for i = 2, 5 do ok, errors[i] = pcall(sleep, 1000) end
    ok, errors[6] = pcall(http.get, base .. "/never")
    ok, errors[7] = pcall(coroutine.wrap(function() sleep(1000) end))
    ok, errors[8] = pcall(function() return async.spawn(sleep, 1000):await() end)
    wait()
  end)
  settle()
  h:cancel()
  local ok, e = pcall(function() return h:await() end)
  assert(not ok and type(e) == "table" and e.kind == "cancelled", name .. ": " .. tostring(e))
  assert(closed == 1, name)
  for i = 1, 8 do
    assert(errors[i] and errors[i].kind == "cancelled", name .. " " .. i .. ": " .. tostring(errors[i]))
    assert(tostring(errors[i]):find("cancelled", 1, true))
  end
  h:cancel() -- after its end: nothing
end
assert(port)

-- What it was waiting for goes on without it: cancelling an awaiting task does not cancel the awaited.
local worker = async.spawn(function() settle() return "done" end)
local waiter = async.spawn(function() return worker:await() end)
sleep(0)
waiter:cancel()
assert(worker:await()[1] == "done")
assert(not pcall(function() waiter:await() end))

-- A result that came before the cancellation stays.
local h = async.spawn(function() return "early" end)
settle()
h:cancel()
h:cancel()
assert(h:await()[1] == "early")

-- A task that needs no further wait may still return something.
h = async.spawn(function()
  local ok, e = pcall(sleep, 1000)
  return ok, e.kind
end)
sleep(0)
h:cancel()
local r = h:await()
assert(r[1] == false and r[2] == "cancelled")
print("ok")
