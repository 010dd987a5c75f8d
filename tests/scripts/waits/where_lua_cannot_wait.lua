-- Where Lua's C code calls back it cannot wait: the error says so and names the function.
local waiting = setmetatable({}, {
  __index = function() sleep(0) end,
  __tostring = function() sleep(0) return "x" end,
  __lt = function() sleep(0) return true end,
})
local other = setmetatable({}, getmetatable(waiting))
local function compare(a, b) sleep(0) return a < b end

local function refuses(name, f, ...)
  local ok, e = pcall(f, ...)
  assert(not ok, name .. " waited")
  e = tostring(e)
  assert(e:find("sleep: cannot wait inside", 1, true), name .. ": " .. e)
  assert(e:find(name, 1, true), "it does not name " .. name .. ": " .. e)
  -- and nothing is broken after it
  sleep(0)
end

refuses("sort", table.sort, { 3, 2, 1 }, compare)
refuses("sort", table.sort, { waiting, other })
refuses("gsub", string.gsub, "abc", ".", function() sleep(0) end)
refuses("gsub", string.gsub, "abc", ".", waiting)
refuses("gsub", function() return ("abc"):gsub(".", function() sleep(0) end) end)
refuses("tostring", tostring, waiting)
refuses("print", print, waiting)
refuses("format", string.format, "%s", waiting)
refuses("concat", table.concat, waiting, "", 1, 3)
refuses("unpack", table.unpack, waiting, 1, 3)

-- A reader function of 'load' gives its error as load's result.
local chunk, e = load(function() sleep(0) end)
assert(chunk == nil and tostring(e):find("cannot wait inside", 1, true) and tostring(e):find("load", 1, true), e)

-- The name is that of the obstacle, not of what is in between or what it is called here.
local sort = table.sort
local function by(inner)
  return function() sort({ 3, 2, 1 }, function(a, b) inner() return a < b end) end
end
refuses("sort", by(function() sleep(0) end))
refuses("sort", by(function() assert(pcall(sleep, 0)) end))
refuses("sort", by(function() assert(select(2, xpcall(function() sleep(0) end, function(e) return e end))) error(select(2, pcall(sleep, 0))) end))
refuses("sort", by(function() coroutine.wrap(function() sleep(0) end)() end))
refuses("sort", by(function() local ok, e = coroutine.resume(coroutine.create(function() sleep(0) end)) error(e) end))
refuses("sort", by(function() local ok, e = xpcall(sleep, function(e) return e end, 0) error(e) end))

-- Every function that waits refuses, in its own name.
local handle = async.spawn(sleep, 0)
for name, wait in pairs {
  ["http.get"] = function() http.get(arg[1] .. "/text") end,
  ["http.post"] = function() http.post(arg[1] .. "/text", "x") end,
  await = function() handle:await() end,
  ["io.read"] = function() io.read() end,
  ["http.serve"] = function() http.serve(0, {}) end,
} do
  local ok, e = pcall(table.sort, { 2, 1 }, wait)
  e = tostring(e)
  assert(not ok and e:find("cannot wait inside", 1, true) and e:find("sort", 1, true), name .. ": " .. e)
  assert(e:find(name, 1, true), name .. ": " .. e)
end

-- What is computed there without waiting works, also with coroutines of the script.
local t = { 3, 1, 2 }
table.sort(t, function(a, b) return coroutine.wrap(function() coroutine.yield(a < b) end)() end)
assert(t[1] == 1 and t[3] == 3)

-- A finalizer.
local said
setmetatable({}, { __gc = function() said = select(2, pcall(sleep, 0)) end })
collectgarbage()
assert(tostring(said):find("cannot wait inside", 1, true) and tostring(said):find("__gc", 1, true), said)
said = nil
setmetatable({}, { __gc = function() said = select(2, pcall(coroutine.wrap(function() sleep(0) end))) end })
collectgarbage()
assert(tostring(said):find("__gc", 1, true), said)
sleep(0)

-- The message handler of xpcall: an error there, never a crash.
local ok = xpcall(error, function() sleep(0) end, "x")
assert(not ok)
sleep(0)

-- A '__close' that coroutine.close runs.
local co = coroutine.create(function()
  local x <close> = setmetatable({}, { __close = function() sleep(0) end })
  coroutine.yield()
end)
coroutine.resume(co)
local ok, e = coroutine.close(co)
assert(ok == false and tostring(e):find("cannot wait inside", 1, true), e)
assert(tostring(e):find("coroutine.close", 1, true), "it does not name coroutine.close: " .. tostring(e))
print("ok")
