-- A server whose clients may leave at any stage: `/wait` waits for what never comes, `/large`, `/stream` and
-- `/events` never end their answers, `/ws` echoes. Each says on standard error when it is over, and
-- `/going-on` counts those that are not.
local going_on = 0

local function over(name)
  going_on = going_on + 1
  return setmetatable({}, { __close = function()
    going_on = going_on - 1
    log.info("over: " .. name)
  end })
end

local large = ("0123456789abcdef"):rep(1536 * 1024)

http.serve(0, {
  ANY = {
    ["/innocent"] = function() return "well" end,
    ["/going-on"] = function() return tostring(going_on) end,
    ["/show"] = function(req) return req.method .. " " .. #req.body end,
    ["/wait"] = function()
      local _ <close> = over("wait")
      sleep(1000)
    end,
    ["/large"] = function() return large end,
    ["/stream"] = function()
      return { stream = function(write)
        local _ <close> = over("stream")
        local piece = ("x"):rep(16 * 1024)
        while true do write(piece) end
      end }
    end,
    ["/events"] = function()
      return { sse = function(send)
        local _ <close> = over("events")
        local piece = ("x"):rep(16 * 1024)
        while true do send(piece) end
      end }
    end,
    ["/silent"] = function()
      return { sse = function(send)
        local _ <close> = over("silent")
        send("hello")
        sleep(1000)
      end }
    end,
    ["/ws"] = function()
      return { ws = function(conn)
        local _ <close> = over("ws")
        for message in conn:messages() do pcall(conn.write, conn, message) end
      end }
    end,
    ["/run"] = function(req) return tostring(assert(load(req.body, "=handler"))(req)) end,
  },
}, { on_listen = function(s) print(s.port) io.stdout:flush() end })
