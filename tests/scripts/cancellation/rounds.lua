-- 10,000 tasks started and cancelled, in each kind of wait: memory stays bounded, also that of Lua.
local base = arg[1]
local waits = {
  function() sleep(1000) end,
  function() async.spawn(sleep, 0):await() sleep(1000) end,
  function() coroutine.wrap(function() sleep(1000) end)() end,
  function() local x <close> = setmetatable({}, { __close = function() sleep(0) end }) sleep(1000) end,
  function() async.race({ function() sleep(1000) end, function() sleep(1000) end }) end,
  function() async.timeout(1000, sleep, 1000) end,
  function() pcall(sleep, 1000) pcall(sleep, 1000) end,
}
local function round()
  for _, wait in ipairs(waits) do
    local h = async.spawn(wait)
    sleep(0)
    h:cancel()
    h:cancel()
  end
  async.spawn(error):cancel() -- before it begins
end

-- Where the script has no more to do, and waits for the test to look at the process.
local function look(at)
  for _ = 1, 20 do sleep(0) end
  collectgarbage()
  collectgarbage()
  local held = collectgarbage("count")
  if arg[2] then
    print(at)
    io.read("l")
  end
  return held
end

for _ = 1, 100 do round() end
local before = look(1)
for i = 1, 1250 do
  round()
  if i % 2 == 0 then
    local h = async.spawn(http.get, base .. "/never")
    sleep(0)
    h:cancel()
  end
end
local after = look(2)
assert(after < before + 256, "Lua holds " .. after .. " KiB, before " .. before)
print("ok")
