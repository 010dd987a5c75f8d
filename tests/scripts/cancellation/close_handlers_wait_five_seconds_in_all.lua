-- The close handlers of one cancelled task may wait 5 s together: the wait that lasts longer raises,
-- and so does every later one, however the handlers catch it.
local errors = {}
local function closing(name)
  return setmetatable({}, {
    __close = function()
      for i = 1, 2 do
        local ok, e = pcall(sleep, 1000)
        errors[#errors + 1] = name .. i .. ":" .. (ok and "waited" or e.kind)
      end
      local ok, e = pcall(http.get, arg[1] .. "/never")
      errors[#errors + 1] = name .. "3:" .. (ok and "waited" or tostring(e.kind))
    end,
  })
end
local begun = time.monotonic()
local h = async.spawn(function()
  local a <close> = closing("a")
  local b <close> = closing("b")
  sleep(1000)
end)
sleep(0)
h:cancel()
local ok, e = pcall(function() return h:await() end)
assert(not ok and e.kind == "cancelled", tostring(e))
assert(table.concat(errors, " ") == "b1:cancelled b2:cancelled b3:cancelled a1:cancelled a2:cancelled a3:cancelled",
  table.concat(errors, " "))
assert(time.monotonic() - begun >= 4.9, "the handlers had less than their 5 s")
print("ok")
