-- Tries every way to the URLs of the query, each a hexadecimal word.
local try = require "ways"

return function(req)
  local lines = {}
  for word in req.query:gmatch("%x+") do
    try((word:gsub("%x%x", function(digits) return string.char(tonumber(digits, 16)) end)), lines)
  end
  return table.concat(lines, "\n")
end
