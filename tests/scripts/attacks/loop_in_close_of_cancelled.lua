-- What a cancelled task closes may wait, but not compute for ever.
return function()
  local task = async.spawn(function()
    local closed <close> = setmetatable({}, { __close = function() while true do end end })
    sleep(1000)
  end)
  sleep(0)
  task:cancel()
  pcall(task.await, task)
end
