-- 'async.race': what the first to end returns or raises; the others are cancelled.
local function settle() for _ = 1, 10 do sleep(0) end end -- others have their turns

local log = {}
local function lasting(name)
  return function()
    local x <close> = setmetatable({}, { __close = function() log[#log + 1] = name end })
    sleep(1000)
  end
end

local function pack(...) return { n = select("#", ...), ... } end
local r = pack(async.race({ lasting("a"), function() sleep(0.001) return 1, nil, 3 end, lasting("b") }))
assert(r[1] == 1 and r[2] == nil and r[3] == 3)
settle()
table.sort(log)
assert(table.concat(log, " ") == "a b", table.concat(log, " "))

-- The first to fail wins as well.
log = {}
local object = {}
local ok, e = pcall(async.race, { lasting("a"), function() sleep(0.001) error(object) end })
assert(not ok and e == object)
settle()
assert(table.concat(log) == "a")

-- Nothing to race.
ok, e = pcall(async.race, {})
assert(not ok and tostring(e):find("async.race: ", 1, true) and tostring(e):find("empty", 1, true), e)

-- One that has ended wins at once; of several the first of the list.
local done = async.spawn(function() return "done" end)
done:await()
assert(async.race({ lasting("a"), done }) == "done")
assert(async.race({ function() return "first" end, function() return "second" end }) == "first")
assert(async.race({ function() return "alone" end }) == "alone")

-- A handle that loses is cancelled like a function.
local loser = async.spawn(lasting("loser"))
assert(async.race({ loser, function() return "won" end }) == "won")
ok, e = pcall(function() return loser:await() end)
assert(not ok and e.kind == "cancelled")

-- Losers in the middle of every kind of wait.
local base = arg[1]
assert(async.race({
  function() http.get(base .. "/never") end,
  function() http.get(base .. "/half") end,
  function() http.serve(0, {}) end,
  function() async.spawn(sleep, 1000):await() end,
  function() async.race({ lasting("inner"), lasting("inner") }) end,
  function() sleep(0.001) return "won" end,
}) == "won")

-- Cancelled from outside.
settle()
log = {}
local outer = async.spawn(async.race, { lasting("a"), lasting("b") })
settle()
outer:cancel()
ok, e = pcall(function() return outer:await() end)
assert(not ok and e.kind == "cancelled")
settle()
table.sort(log)
assert(table.concat(log, " ") == "a b", table.concat(log, " "))

for _, bad in ipairs { false, 1, "x" } do
  ok, e = pcall(async.race, bad)
  assert(not ok and tostring(e):find("async.race: argument #1 must be a table", 1, true), e)
end
print("ok")
