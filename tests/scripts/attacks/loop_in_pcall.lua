return function()
  while true do
    pcall(function() while true do pcall(error) end end)
  end
end
