-- Leaves a secret all over the instance's memory; then, if asked to, spoils what it can and is stopped.
return function(req)
  local parts = {}
  for part in string.gmatch(req.params.parts, "[^,]+") do parts[#parts + 1] = part end
  kept = {}
  for i = 1, 2000 do kept[i] = table.concat(parts) .. i .. string.rep(".", i) end
  if not req.params.stop then return "left" end
  getmetatable("").__index = function() return "spoilt" end
  table.insert, spoilt, package.loaded.json, json.parse = nil, true, "spoilt", nil
  while true do end
end
