-- Fetches a URL as often as it is told to and says how each time went.
return function(req)
  local said = {}
  for i = 1, tonumber(req.params.times or 1) do
    local ok, r = pcall(http.get, req.params.url, { timeout = tonumber(req.params.timeout or 30) })
    said[i] = ok and r.status .. " " .. #r.body .. " " .. r.body:sub(1, 20) or r.kind .. " " .. tostring(r)
  end
  return table.concat(said, "\n")
end
