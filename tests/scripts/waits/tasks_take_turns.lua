-- Tasks that wait interleave; each wait suspends only its own task.
local order = {}
local function worker(name, turns)
  return function()
    for i = 1, turns do
      order[#order + 1] = name .. i
      sleep(0)
    end
    return name
  end
end
local results = async.all({ worker("a", 3), worker("b", 3) })
assert(results[1] == "a" and results[2] == "b")
assert(table.concat(order, " ") == "a1 b1 a2 b2 a3 b3", table.concat(order, " "))

-- 'sleep(0)' lets others have their turn, so that a flag set by one is seen by the other.
local flag
async.spawn(function() flag = true end)
while not flag do sleep(0) end

-- Shorter sleeps end first, whatever the order they began in.
order = {}
local function nap(ms) return function() sleep(ms / 1000) order[#order + 1] = ms end end
async.all({ nap(60), nap(20), nap(40), nap(0) })
assert(table.concat(order, " ") == "0 20 40 60", table.concat(order, " "))

-- A sleep takes at least its time.
local before = time.monotonic()
sleep(0.01)
assert(time.monotonic() - before >= 0.01)

-- Numbers no clock can hold.
for _, seconds in ipairs { -1, 0 / 0, -math.huge, "x", {}, false } do
  local ok, e = pcall(sleep, seconds)
  assert(not ok and tostring(e):find("sleep: seconds must be a number >= 0, got ", 1, true), e)
end
assert(not pcall(sleep))
for _, seconds in ipairs { 1e300, math.huge, math.maxinteger, 1e18 } do
  local h = async.spawn(sleep, seconds)
  sleep(0)
  h:cancel()
  local ok, e = pcall(function() return h:await() end)
  assert(not ok and e.kind == "cancelled")
end
print("ok")
