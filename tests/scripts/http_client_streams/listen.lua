-- Prints each event of the stream at the first argument, then what the call returned or raised. The second
-- argument is options in Lua.
local address, options = ...
local opts = load("return {" .. (options or "") .. "}")()
local length_only = opts.length_only
opts.length_only = nil

function opts.on_event(ev)
  local data = length_only and #ev.data or ev.data:gsub("\n", "\\n")
  print((ev.id and ev.id .. ":" or "") .. ev.event .. "=" .. data .. (ev.retry and " " .. ev.retry or ""))
end

local ok, r = pcall(http.get, address, opts)
print(ok and r.status .. " " .. tostring(r.body) or r.kind .. " " .. r.message)
