-- Connects to a WebSocket server, reads to the end, and says how long the messages were and how it ended.
return function(req)
  local conn = ws.connect(req.params.url)
  local lengths = {}
  for message in conn:messages() do lengths[#lengths + 1] = #message end
  return table.concat(lengths, ",") .. " " .. conn.close_code
end
