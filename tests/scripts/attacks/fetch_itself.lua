-- Fetches itself and hands on what the innermost of them says.
return function(req)
  local address = "http://127.0.0.1:" .. _SERVER_PORT .. "/attack/fetch_itself"
  local ok, r = pcall(http.get, address, { timeout = 2 })
  if not ok then return r.kind .. " " .. tostring(r) end
  return r.status == 200 and r.body or r.status .. " " .. r.body
end
