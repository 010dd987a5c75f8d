-- Attacks of one kind by name. Each answers with the error it ended in; `?way=list` lists the names with the
-- texts of which that error must hold one, separated by `|`.
return function(ways, usual, unusual)
  return function(req)
    local way = req.params.way
    if way == "list" then
      local lines = {}
      for name in pairs(ways) do lines[#lines + 1] = name .. "\t" .. (unusual and unusual[name] or usual) end
      table.sort(lines)
      return table.concat(lines, "\n")
    end
    local ok, e = pcall(ways[way])
    return (ok and "came to its end with " or "") .. tostring(e):sub(-300)
  end
end
