local function nest(depth)
  if depth == 0 then while true do end end
  while true do pcall(coroutine.wrap(nest), depth - 1) end
end

return function() nest(20) end
