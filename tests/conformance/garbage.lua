-- Weak tables, ephemerons, finalizers, in each mode of the collector.
local suite = require("check")
local run, check = suite.run, suite.check

local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
for _, mode in ipairs({ "incremental", "generational" }) do
  collectgarbage(mode)
  local function named(name) return mode .. ": " .. name end
  local kept = {}

  local weak = setmetatable({}, { __mode = "k" })
  weak[{}] = 1
  weak[kept] = 2
  weak.text = {}
  weak[1] = {}
  collectgarbage()
  check(named "weak keys", "3, 2", count(weak), weak[kept])

  weak = setmetatable({}, { __mode = "v" })
  weak[1], weak[2], weak.x, weak[{}], weak.number = {}, kept, {}, {}, 5
  weak.text, weak.func = "a string", print
  collectgarbage()
  check(named "weak values", nil, count(weak), rawequal(weak[2], kept), weak.number, weak.text, weak[1], weak.x)

  weak = setmetatable({}, { __mode = "kv" })
  weak[{}], weak[kept], weak[1], weak.y = 1, {}, kept, "s"
  collectgarbage()
  check(named "weak both", "2, true", count(weak), rawequal(weak[1], kept))

  weak = setmetatable({}, { __mode = "k" })
  do local key = {} weak[key] = { key } end
  collectgarbage()
  check(named "ephemeron with itself", "0", count(weak))
  do local a, b = {}, {} weak[a], weak[b] = b, a end
  collectgarbage()
  check(named "ephemerons in a circle", "0", count(weak))
  local first = {}
  do local key = first for i = 1, 20 do local after = {} weak[key] = after key = after end end
  collectgarbage()
  check(named "a chain of ephemerons", "20", count(weak))
  first = nil
  collectgarbage()
  check(named "the chain let go", "0", count(weak))

  weak = setmetatable({}, { __mode = "v" })
  for i = 1, 100 do weak[i] = { i } end
  weak[50] = kept
  collectgarbage()
  check(named "an array of weak values", "1", count(weak))
  weak = setmetatable({}, { __mode = "v" })
  weak[1] = function() return kept end
  weak[2] = coroutine.create(print)
  weak[3] = "text"
  collectgarbage()
  check(named "closures, coroutines and strings", "nil, nil, \"text\"", weak[1], weak[2], weak[3])

  local order = {}
  for i = 1, 5 do setmetatable({}, { __gc = function() order[#order + 1] = i end }) end
  collectgarbage()
  check(named "finalizers run in reverse", '"5 4 3 2 1"', table.concat(order, " "))
  order = {}
  local mt = {}
  local late = setmetatable({}, mt)
  mt.__gc = function() order[#order + 1] = "late" end
  late = nil
  collectgarbage()
  check(named "a finalizer set too late", "0", #order)
  mt = { __gc = true }
  late = setmetatable({}, mt)
  mt.__gc = function(o) order[#order + 1] = type(o) end
  late = nil
  collectgarbage()
  check(named "a finalizer marked in time", '"table"', order[1])
  local risen
  setmetatable({ name = "risen" }, { __gc = function(o) risen = o end })
  collectgarbage()
  check(named "resurrection", '"risen"', risen and risen.name)
  risen = nil
  collectgarbage()
  check(named "only once", "nil", risen)
  local again = 0
  local function revive(o) again = again + 1 setmetatable(o, getmetatable(o)) end
  setmetatable({}, { __gc = revive })
  collectgarbage() collectgarbage() collectgarbage()
  check(named "marked again each time", "3", again)
  weak = setmetatable({}, { __mode = "k" })
  local weak_values = setmetatable({}, { __mode = "v" })
  local seen_key, seen_value
  do
    local dying = setmetatable({}, { __gc = function(o) seen_key, seen_value = weak[o], weak_values[1] end })
    weak[dying], weak_values[1] = "still", dying
  end
  collectgarbage()
  check(named "keys go after finalizers, values before", '"still", nil', seen_key, seen_value)
  collectgarbage()
  check(named "and then they are gone", "0", count(weak))
  setmetatable({}, { __gc = function() error("from a finalizer") end })
  collectgarbage()
  setmetatable({}, { __gc = function() error({}) end })
  collectgarbage()
  setmetatable({}, { __gc = function() error(setmetatable({}, { __tostring = function() return "an object" end })) end })
  collectgarbage()
  setmetatable({}, { __gc = function() coroutine.yield() end })
  collectgarbage()
  check(named "errors in finalizers are warnings", "true", true)
  local results = {}
  setmetatable({}, { __gc = function()
    results.collect = collectgarbage()
    results.count = collectgarbage("count")
    results.step = collectgarbage("step")
    results.running = collectgarbage("isrunning")
    results.mode = collectgarbage("incremental")
    results.yieldable = coroutine.isyieldable()
    results.main = select(2, coroutine.running())
    results.pcall = select(2, pcall(error, "x"))
    results.traceback = type(debug.traceback())
  end })
  collectgarbage()
  for _, name in ipairs({ "collect", "step", "running", "mode", "yieldable", "pcall", "traceback" }) do check(named("in a finalizer: " .. name), nil, results[name]) end
  check(named "count in a finalizer", nil, type(results.count))
  local closed = {}
  do
    local co = coroutine.create(function() local c <close> = setmetatable({}, { __close = function() closed[1] = true end, __gc = function() closed[2] = true end }) coroutine.yield() end)
    coroutine.resume(co)
  end
  collectgarbage() collectgarbage()
  check(named "a coroutine let go is not closed", "nil, true", closed[1], closed[2])
  -- (what a step returns in generational mode depends on how much memory is in use)
  for _, step in ipairs(mode == "incremental" and { 0, 1, 10, 1000 } or {}) do
    local garbage = {}
    for i = 1, 1000 do garbage[i] = { i } end
    garbage = nil
    local done = false
    for _ = 1, 1000000 do if collectgarbage("step", step) then done = true break end end
    check(named("steps of " .. step .. " end a cycle"), "true", done)
  end
  -- Memory comes back.
  collectgarbage()
  local before = collectgarbage("count")
  do local big = {} for i = 1, 10000 do big[i] = { i } end end
  collectgarbage()
  check(named "memory comes back", "true", collectgarbage("count") - before < 100)
  collectgarbage("stop")
  before = collectgarbage("count")
  for i = 1, 1000 do local t = { i } end
  check(named "stopped, it only grows", "true", collectgarbage("count") > before)
  collectgarbage("restart")
end
-- What is left is finalized at the end, in reverse.
collectgarbage("incremental")
KEPT = {}
for i = 1, 3 do KEPT[i] = setmetatable({}, { __gc = function() print("finalized at the end: " .. i) end }) end
suite.finish(62)
