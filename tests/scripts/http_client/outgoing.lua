-- Three requests may be open: two that are held, one that has them released. One more is refused.
local address = ...
local function fetch(path)
  local ok, result = pcall(http.get, address .. path)
  return ok and result.body or result.kind .. " " .. result.message
end

local held = { async.spawn(fetch, "/held"), async.spawn(fetch, "/held") }
local release = async.spawn(fetch, "/release")
local refused = async.spawn(fetch, "/refused")
print("released " .. release:await()[1])
print(held[1]:await()[1])
print(held[2]:await()[1])
print(refused:await()[1])
print("after " .. fetch("/after"))
