-- Ends requests that would not end by themselves. "/stall" is never answered, "/arrived" only once
-- another request for "/stall" is there.
local address = ...
local function stall() return http.get(address .. "/stall").body end
local function arrived() return http.get(address .. "/arrived").body end

print("race: " .. table.unpack { async.race { stall, arrived } })

-- Cancelling is sticky: the next wait of the task is cancelled too.
local seen = {}
local handle = async.spawn(function()
  for i = 1, 2 do
    local _, failure = pcall(stall)
    seen[i] = failure.kind .. ": " .. failure.message
  end
end)
arrived()
handle:cancel()
pcall(handle.await, handle)
print(table.concat(seen, "\n"))
