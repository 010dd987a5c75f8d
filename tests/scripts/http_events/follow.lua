-- Prints each event of the stream at the first argument, then that the loop ended or what it raised. The second
-- argument is options in Lua.
local address, options = ...
local opts = load("return {" .. (options or "") .. "}")()

local ok, e = pcall(function()
  for ev in http.events(address, opts) do
    print((ev.id and ev.id .. ":" or "") .. ev.event .. "=" .. ev.data .. (ev.retry and " " .. ev.retry or ""))
  end
end)
print(ok and "end" or table.concat({ e.kind, tostring(e.status), e.message, e.url }, " "))
