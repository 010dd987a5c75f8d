-- 'async.spawn(fn, ...)' gives a handle; awaiting it gives the array of results.
local h = async.spawn(function(...) sleep(0) return select("#", ...), ... end, "a", nil, "c")
local r = h:await()
assert(type(r) == "table" and r[1] == 3 and r[2] == "a" and r[3] == nil and r[4] == "c")

-- By dot and by colon, before and after its end, in any order, twice.
for _, wait in ipairs { function() end, function() sleep(0.001) end } do
  local h = async.spawn(function() wait() return 1, 2 end)
  assert(h.await()[2] == 2)
  assert(h:await()[1] == 1)
  assert(h.await()[1] == 1)
  assert(#h:await() == 2)
end
local await = async.spawn(function() return "detached" end).await
assert(await()[1] == "detached")

-- No results; a nil; many.
assert(#async.spawn(function() end):await() == 0)
assert(async.spawn(function() return nil end):await()[1] == nil)
local many = async.spawn(function() return table.unpack({}, 1, 5000) end):await()
assert(type(many) == "table")
many = async.spawn(function(...) sleep(0) return ... end, table.unpack((function()
  local t = {}
  for i = 1, 5000 do t[i] = i end
  return t
end)())):await()
assert(#many == 5000 and many[5000] == 5000)

-- Several tasks await one; all see its results, and it ran once.
local runs = 0
h = async.spawn(function() runs = runs + 1 sleep(0.001) return { "shared" } end)
local waiting = {}
for i = 1, 5 do waiting[i] = async.spawn(function() return h:await()[1] end) end
local shared = h:await()[1]
for i = 1, 5 do assert(waiting[i]:await()[1] == shared) end
assert(runs == 1)

-- A spawned function runs at the next turn, not within 'spawn'.
local ran
async.spawn(function() ran = true end)
assert(not ran)
sleep(0)
assert(ran)

-- Functions of C, tasks that spawn tasks, and a chain of awaits.
assert(async.spawn(math.max, 1, 3, 2):await()[1] == 3)
local function chain(n)
  if n == 0 then sleep(0) return 0 end
  return async.spawn(chain, n - 1):await()[1] + 1
end
assert(chain(200) == 200)

-- A handle is no table of the script's: it cannot be opened, changed or copied into another.
h = async.spawn(sleep, 0)
assert(type(h) == "userdata" and getmetatable(h) == false)
assert(h.nonsense == nil and h[1] == nil)
assert(not pcall(function() h.await = 1 end))
h:await()

-- A task cannot await itself.
local me
me = async.spawn(function() sleep(0) return pcall(function() return me:await() end) end)
r = me:await()
assert(r[1] == false and tostring(r[2]):find("cannot await itself", 1, true), tostring(r[2]))

-- Arguments are checked, by name.
for _, bad in ipairs { 1, "x", {}, false } do
  local ok, e = pcall(async.spawn, bad)
  assert(not ok and tostring(e):find("spawn", 1, true) and tostring(e):find("function expected", 1, true), e)
end
assert(not pcall(async.spawn))
print("ok")
