-- An error that 'load', a finalizer or 'coroutine.close' has caught is over: a cancelled task may not
-- wait as if it were still on its way.
local function fails() error("caught elsewhere") end
local caught = {
  load = function() assert(load(fails) == nil) end,
  finalizer = function() setmetatable({}, { __gc = fails }) collectgarbage() end,
  close = function()
    local co = coroutine.create(function()
      local x <close> = setmetatable({}, { __close = fails })
      coroutine.yield()
    end)
    coroutine.resume(co)
    assert(coroutine.close(co) == false)
  end,
}
for name, catch in pairs(caught) do
  local waits = 0
  local h = async.spawn(function()
    catch()
    pcall(sleep, 1000)
    for _ = 1, 3 do if pcall(sleep, 0) then waits = waits + 1 end end
  end)
  sleep(0)
  h:cancel()
  for _ = 1, 10 do sleep(0) end
  assert(waits == 0, name)
end

-- A handle that a finalizer keeps although it was collected says so, and nothing breaks.
local saved
do
  local h = async.spawn(fails)
  setmetatable({ h = h }, { __gc = function(o) saved = o.h end })
end
sleep(0)
collectgarbage()
collectgarbage()
if saved then
  local ok, e = pcall(function() return saved:await() end)
  assert(not ok and (tostring(e):find("collected") or tostring(e):find("caught elsewhere")), e)
end
print("ok")
