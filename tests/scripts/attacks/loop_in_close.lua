local for_ever = setmetatable({}, { __close = function() while true do end end })

return function()
  pcall(function()
    local closed <close> = for_ever
    error("unwind")
  end)
end
