-- Fetches a URL in the way that is asked for and says how it went; `pieces` and `events` take all that comes.
return function(req)
  local address, way = req.params.url, req.params.way
  local bytes, largest = 0, 0
  local function take(piece)
    bytes, largest = bytes + #piece, math.max(largest, #piece)
  end
  local ways = {
    whole = function() take(http.get(address).body) end,
    asked = function() take(http.get(address, { max_size = 1000 }).body) end,
    pieces = function() http.get(address, { on_chunk = take }) end,
    events = function() http.get(address, { on_event = function(event) take(event.data) end }) end,
    download = function() bytes = http.download(address, req.params.file) end,
  }
  local ok, e = pcall(ways[way])
  if ok then return "ok " .. bytes .. " largest " .. largest end
  return e.kind .. " " .. tostring(e)
end
