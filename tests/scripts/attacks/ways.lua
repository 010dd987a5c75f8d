-- Every way from a script to a URL. Each is called with one, and raises unless the server is reached and answers;
-- `WAY` in the URL is the name of the way. Returns a function that tries all of them.

local options = { timeout = 20, headers = { Authorization = "s3cret", Cookie = "s3cret", ["X-Own"] = "s3cret" } }

local function with(more)
  for name, value in pairs(options) do more[name] = value end
  return more
end

local ways = {
  { "get", function(url) http.get(url, with {}) end },
  { "post", function(url) http.client():post(url, "body", with {}) end },
  { "client", function(url) http.client(with {}):get(url) end },
  { "on-event", function(url) http.get(url, with { on_event = function() return "close" end }) end },
  { "on-response", function(url) http.get(url, with { on_response = function(r) return r end }) end },
  { "events", function(url) for _ in http.events(url, with { max_retries = 0 }) do break end end },
  { "websocket", function(url) ws.connect(url:gsub("[Hh][Tt][Tt][Pp]", "ws", 1), with {}):close() end },
  { "download", function(url) http.download(url, arg[1] .. "/download", with {}) end },
}

-- A line for each: the way, what came of it, and the message.
return function(url, lines)
  for _, way in ipairs(ways) do
    local name, go = table.unpack(way)
    local ok, failure = pcall(go, (url:gsub("WAY", name)))
    local kind = ok and "reached" or type(failure) == "table" and failure.kind or "error"
    lines[#lines + 1] = table.concat({ name, kind, ok and "" or tostring(failure) }, "\t")
  end
end
