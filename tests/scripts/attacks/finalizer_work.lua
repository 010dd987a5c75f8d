-- Leaves work for after the stop: in finalizers, in what is to be closed, in tasks.
local function work()
  print("worked after the stop")
  pcall(http.get, "http://127.0.0.1:1/")
  while true do end
end

local kept

return function()
  kept = setmetatable({}, { __gc = work })
  local closed <close> = setmetatable({}, { __close = work })
  async.spawn(function()
    local closed <close> = setmetatable({}, { __close = work })
    sleep(1000)
  end)
  sleep(0)
  xpcall(function()
    local closed <close> = setmetatable({}, { __close = work })
    while true do end
  end, work)
  work()
end
