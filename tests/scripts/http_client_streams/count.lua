-- Counts the bytes of the body at the first argument as they come, then prints what the call returned or
-- raised. The second argument is options in Lua.
local address, options = ...
local opts = load("return {" .. (options or "") .. "}")()
local bytes = 0

function opts.on_chunk(piece)
  bytes = bytes + #piece
end

local ok, r = pcall(http.get, address, opts)
print(bytes .. " " .. (ok and r.status .. " " .. tostring(r.body) or r.kind .. " " .. r.message))
