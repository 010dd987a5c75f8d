-- Fetches each argument in turn and prints a line about how that went:
-- "ok STATUS URL" or "KIND MESSAGE"; an argument error has the kind "error".
for _, address in ipairs(arg) do
  local ok, result = pcall(function() return http.get(address, { timeout = 20 }) end)
  if ok then
    print("ok", result.status, result.url)
  elseif type(result) == "table" then
    print(result.kind, result.message)
  else
    print("error", result)
  end
end
