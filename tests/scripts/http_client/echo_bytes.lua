-- Sends bodies of many sizes, all byte values in them, and compares what comes back.
local address = ...
local all = {}
for byte = 0, 255 do all[#all + 1] = string.char(byte) end
all = table.concat(all)

local sizes = { 0, 1, 256, 65536, 65537, 3000000 }
for _, size in ipairs(sizes) do
  local body = all:rep(size // 256 + 1):sub(1, size)
  local answer = http.post(address, body).body
  if answer ~= body then
    error("a body of " .. size .. " bytes came back as another of " .. #answer)
  end
end
print(table.concat(sizes, " ") .. " same")
