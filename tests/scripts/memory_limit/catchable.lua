-- Each way to ask for too much is an error the script can catch, and it goes on.
local ways = {
  ["a table of tables"] = function() local t = {} while true do t[#t + 1] = {} end end,
  ["a list"] = function() local t = {} for i = 1, math.huge do t[i] = i end end,
  ["a hash"] = function() local t = {} while true do t[{}] = true end end,
  ["strings"] = function() local t = {} while true do t[#t + 1] = ("x"):rep(1e6) .. #t end end,
  ["doubling"] = function() local s = "x" while true do s = s .. s end end,
  ["appending"] = function() local s = ("x"):rep(1e6) while true do s = s .. ("y"):rep(1e6) end end,
  ["rep"] = function() return ("x"):rep(1e9) end,
  ["concat"] = function()
    local t, s = {}, ("x"):rep(1e6)
    for i = 1, 1000 do t[i] = s end
    return table.concat(t)
  end,
  ["gsub"] = function() return (("x"):rep(1e6)):gsub("x", ("y"):rep(1e4)) end,
  ["closures"] = function() local t = {} while true do t[#t + 1] = function() return t end end end,
  ["coroutines"] = function()
    local t = {}
    while true do
      local co = coroutine.create(function() coroutine.yield() end)
      coroutine.resume(co)
      t[#t + 1] = co
    end
  end,
  ["waiting coroutines"] = function()
    local t = {}
    while true do t[#t + 1] = coroutine.wrap(function() sleep(0) coroutine.yield() end) t[#t]() end
  end,
  ["table.create"] = function() return table.create(1e8) end,
  ["json.encode"] = function()
    local t, s = {}, ("x"):rep(1e6)
    for i = 1, 1000 do t[i] = s end
    return json.encode(t)
  end,
  ["json.parse"] = function() return json.parse("[" .. ("{},"):rep(5e6) .. "{}]") end,
  ["base64"] = function() return base64.encode(("x"):rep(1e8)) end,
  ["load"] = function() local s = "" return load(function() s = "x" return ("local a = {} "):rep(1e5) end) or error("not enough memory", 0) end,
  ["a deep structure"] = function() local t = {} while true do t = { t } end end,
  ["unpack and pack"] = function() local t = {} while true do t[#t + 1] = { table.unpack({}, 1, 1e5) } end end,
  ["string.format"] = function() local s = ("x"):rep(1e7) return string.format(("%s"):rep(100), table.unpack((function() local t = {} for i = 1, 100 do t[i] = s end return t end)())) end,
}

for name, exhaust in pairs(ways) do
  local ok, e = pcall(exhaust)
  assert(not ok, name .. " came to an end")
  assert(e == "not enough memory", name .. ": " .. tostring(e))
  -- What it freed can be had again.
  collectgarbage()
  local s = ("x"):rep(10000000)
  assert(#s == 10000000)
  s = nil
  -- Waits and tasks still work.
  sleep(0)
  assert(async.spawn(function() sleep(0) return name end):await()[1] == name)
end

-- A task that runs out of memory fails alone.
local h = async.spawn(ways["a table of tables"])
local ok, e = pcall(function() return h:await() end)
assert(not ok and e == "not enough memory", tostring(e))
h = nil
collectgarbage()

-- Tasks beyond the memory: an error of 'spawn', or of the limit on tasks.
local handles = {}
ok, e = pcall(function() while true do handles[#handles + 1] = async.spawn(sleep, 1000) end end)
assert(not ok and (e == "not enough memory" or e.kind == "limit"), tostring(e))
for _, h in ipairs(handles) do h:cancel() end
handles = nil
sleep(0)
sleep(0)
collectgarbage()
assert(#("x"):rep(10000000) == 10000000)
print("ok")
