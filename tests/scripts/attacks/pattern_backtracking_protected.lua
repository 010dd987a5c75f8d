-- The comparison, the callback and the metamethod are C functions in between.
return function()
  while true do
    pcall(table.sort, { 1, 2, 3 }, function()
      (("a"):rep(1e5)):gsub(("a*"):rep(10) .. "b", function() end)
    end)
  end
end
