-- 'async.spawn_interval(seconds, fn)': the first call after one period, then until cancelled.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local calls, order = 0, {}
local begun = time.monotonic()
local timer
timer = async.spawn_interval(0.02, function()
  calls = calls + 1
  if calls == 1 then assert(time.monotonic() - begun >= 0.02) end
  if calls == 3 then timer.cancel() end
end)
sleep(0)
assert(calls == 0, "it was called at once")
while calls < 3 do sleep(0.001) end
sleep(0.05)
assert(calls == 3, "it was called after it was cancelled")
timer.cancel() -- again
timer:cancel() -- and as a method

-- A function that waits delays the next call: no two at once.
local running, most = 0, 0
calls = 0
timer = async.spawn_interval(0.001, function()
  running = running + 1
  most = math.max(most, running)
  sleep(0.005)
  running = running - 1
  calls = calls + 1
end)
while calls < 3 do sleep(0.001) end
timer.cancel()
assert(most == 1)

-- Cancelling interrupts the wait of the function.
local caught
local started
timer = async.spawn_interval(0.001, function()
  started = true
  local ok, e = pcall(sleep, 1000)
  caught = e
  error(e, 0)
end)
while not started do sleep(0.001) end
timer.cancel()
settle()
assert(caught and caught.kind == "cancelled", tostring(caught))

-- Cancelled before its first call.
calls = 0
timer = async.spawn_interval(0.005, function() calls = calls + 1 end)
timer.cancel()
sleep(0.02)
assert(calls == 0)

-- Several, each at its own pace.
local counts = { 0, 0 }
local slow = async.spawn_interval(0.02, function() counts[1] = counts[1] + 1 end)
local fast = async.spawn_interval(0.002, function() counts[2] = counts[2] + 1 end)
while counts[1] < 3 do sleep(0.001) end
slow.cancel()
fast.cancel()
assert(counts[2] > counts[1])

for _, seconds in ipairs { 0, -1, 0 / 0, "x", false } do
  local ok, e = pcall(async.spawn_interval, seconds, print)
  assert(not ok and tostring(e):find("async.spawn_interval: seconds must be a number > 0", 1, true), e)
end
local ok, e = pcall(async.spawn_interval, 1, "x")
assert(not ok and tostring(e):find("async.spawn_interval: argument #2 must be a function", 1, true), e)
timer = async.spawn_interval(1e300, print)
sleep(0)
timer.cancel()
timer = async.spawn_interval(math.huge, print)
sleep(0)
timer.cancel()
print("ok")
