-- WebSockets under attack: one echoes, one never stops writing, one closes.
http.serve(0, {
  GET = {
    ["/innocent"] = function() return "well" end,
    ["/echo"] = function()
      return { ws = function(conn)
        for message in conn:messages() do pcall(conn.write, conn, message) end
      end }
    end,
    ["/flood"] = function()
      return { ws = function(conn)
        local piece, ok, failure = ("x"):rep(60000), true, nil
        while ok do ok, failure = pcall(conn.write, conn, piece) end
        print("flood " .. failure.kind)
        io.stdout:flush()
      end }
    end,
    ["/close"] = function()
      return { ws = function(conn)
        conn:close(4000, "enough")
        print("closed " .. tostring(conn:is_closed()))
        io.stdout:flush()
      end }
    end,
  },
}, { on_listen = function(s) print(s.port) io.stdout:flush() end })
