-- Talks to a WebSocket server: sends each line of standard input, prints each message. Try it with any server
-- on port 8080, such as examples/chat.lua:
--   tidelock run --allow-net=127.0.0.1:8080 examples/websocket_client.lua ws://127.0.0.1:8080/chat?name=ann 2
-- The arguments are the address and the number of messages after which it ends; without it, it goes on until
-- Ctrl-C or until the server closes.
-- Exit code: 0, 1 if there is no connection, 2 for wrong arguments.

local address = arg[1]
local wanted = tonumber(arg[2] or math.huge)
if not address or not wanted then
  io.stderr:write("usage: websocket_client.lua URL [COUNT]\n")
  os.exit(2)
end

-- Text of a server may hold control characters, which a terminal would obey.
local function printable(text)
  return (text:gsub("%c", function(c) return c == "\n" and "\n  " or "?" end))
end

local conn <close> = ws.connect(address, { timeout = 10 })

-- Lines are sent while messages are read: one task waits for each.
local sending = async.spawn(function()
  for line in io.lines() do
    conn:write(line)
  end
end)

local count = 0
for message, kind in conn:messages() do
  count = count + 1
  print(kind == "text" and printable(message) or #message .. " bytes")
  if count >= wanted then
    break
  end
end
sending:cancel()

if conn.close_code then
  print("closed with " .. conn.close_code .. " " .. printable(conn.close_reason))
else
  print(count .. " messages")
end
