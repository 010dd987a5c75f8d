-- What the foreign clients talk to. It prints its port, then what its handlers saw.

local released = false -- set by /release: how a client lets a stream go on

local function wait_for_release()
  while not released do sleep(0.005) end
end

local function echo(conn)
  while true do
    local message, kind = conn:read()
    if not message then break end
    conn:write(message, { binary = kind == "binary" })
  end
  print("closed " .. tostring(conn.close_code) .. " " .. tostring(conn.close_reason))
end

local websockets = {
  ["/echo"] = function() return { ws = echo } end,
  ["/close"] = function() return { ws = function(conn) conn:close(4321, "enough ✓") end } end,
  ["/return"] = function() return { ws = function() end } end,
  ["/fail"] = function() return { ws = function() error("on purpose") end } end,
  ["/headers"] = function()
    return { ws = function() end, headers = { ["X-One"] = "1", ["Set-Cookie"] = { "a=1", "b=2" } } }
  end,
  ["/protocol"] = function()
    return {
      protocols = { "v2", "v1" },
      ws = function(conn) conn:write(tostring(conn.protocol)) end,
    }
  end,
  ["/origin"] = function() return { origins = { "http://good.example" }, ws = echo } end,
  -- Never reads, so that only the host can answer what the client sends.
  ["/deaf"] = function()
    return {
      ws = function(conn)
        wait_for_release()
        conn:write("released")
      end,
    }
  end,
}

local streams = {
  ["/events"] = function()
    return {
      sse = function(send)
        send({ event = "update", id = "1", retry = 1500, data = "one" })
        send("only data")
        send({ data = "a\nb\r\nc\rd" })
        send({ comment = "nobody sees this" })
        send({ data = "grüße ✓ \u{1F30A}" })
        send({ event = "table", data = { n = 1 } })
        send({ id = "2", data = "" })
        send({ data = " leading space: and a colon" })
      end,
    }
  end,
  ["/events/fail"] = function()
    return {
      sse = function(send)
        send("before")
        error("on purpose")
      end,
    }
  end,
  ["/events/silent"] = function()
    return {
      sse = function(send)
        wait_for_release()
        send("released")
      end,
    }
  end,
  ["/stream"] = function()
    return {
      headers = { ["Content-Type"] = "application/x-numbers" },
      stream = function(write)
        for number = 1, 100000 do write(number .. "\n") end
      end,
    }
  end,
  ["/stream/fail"] = function()
    return {
      stream = function(write)
        write("before\n")
        error("on purpose")
      end,
    }
  end,
  ["/stream/slow"] = function()
    return {
      stream = function(write)
        write("first\n")
        wait_for_release()
        write("second\n")
      end,
    }
  end,
  ["/release"] = function()
    released = true
    return "released"
  end,
}

local routes = {}
for _, part in ipairs({ websockets, streams }) do
  for path, handler in pairs(part) do routes[path] = handler end
end

http.serve(0, { GET = routes }, { on_listen = function(server) print(server.port) end })
