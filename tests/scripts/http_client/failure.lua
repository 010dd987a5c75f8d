-- Fetches the first argument, with the second as the timeout if there is one, and prints all that
-- the failure says.
local address, timeout = ...
local ok, failure = pcall(http.get, address, {
  headers = { Authorization = "Bearer s3cret", ["X-Key"] = "s3cret", Cookie = "id=s3cret" },
  timeout = tonumber(timeout) or 20,
})
if ok then
  print("ok", failure.status, failure.body)
else
  print(failure.kind)
  print(failure)
  for name, value in pairs(failure) do print(name, value) end
end
