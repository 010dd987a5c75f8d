-- Follows an event stream and prints each event; connects again when the connection is lost. Try it with any
-- server of events on port 8080:
--   tidelock run --allow-net=127.0.0.1:8080 examples/event_listener.lua http://127.0.0.1:8080/events 3
-- The arguments are the address, the number of events after which it ends (without it, it goes on until Ctrl-C
-- or until the server says that there is nothing more) and the id of the event to begin after.
-- Exit code: 0, 1 if the stream cannot be followed, 2 for wrong arguments.

local address, id = arg[1], arg[3]
local wanted = tonumber(arg[2] or math.huge)
if not address or not wanted then
  io.stderr:write("usage: event_listener.lua URL [COUNT [ID]]\n")
  os.exit(2)
end

local count = 0

-- Text of a server may hold control characters, which a terminal would obey.
local function printable(text)
  return (text:gsub("%c", function(c) return c == "\n" and "\n  " or "?" end))
end

for ev in http.events(address, { last_event_id = id, timeout = 60 }) do
  count = count + 1
  local label = ev.id and ev.event .. " " .. ev.id or ev.event
  print(printable(label) .. ": " .. printable(ev.data))
  if count >= wanted then
    break -- closes the connection
  end
end

print(count .. " events")
