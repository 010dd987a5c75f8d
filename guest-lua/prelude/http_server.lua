-- http.serve: routing, and what a handler's life is.
local internals = ...
local listen, serve, stop, reply = internals.listen, internals.serve, internals.stop, internals.reply
local start, write_body, send_event = internals.start, internals.write_body, internals.send_event
local upgrade, end_socket, collect_body = internals.upgrade, internals.end_socket, internals.collect_body
local open_body, read_request = internals.open_body, internals.read_request

-- The most that one crossing takes.
local LARGEST_WRITE = 1024 * 1024

local known_options = { on_listen = true }

-- One method's routes: exact paths, patterns with ':name' segments, prefixes that end in '/*'.
local function new_table()
  return { exact = {}, patterns = {}, prefixes = {} }
end

local function split(path)
  local segments = {}
  for segment in path:gmatch("/([^/]*)") do segments[#segments + 1] = segment end
  return segments
end

local function add_route(routes, path, handler)
  if path:sub(-2) == "/*" then
    routes.prefixes[path:sub(1, -2)] = handler
  elseif path:find("/:", 1, true) then
    routes.patterns[#routes.patterns + 1] = { path = path, segments = split(path), handler = handler }
  else
    routes.exact[path] = handler
  end
end

-- Patterns with fixed segments further left go first; equals stand in the order of their text.
local function sort_patterns(routes)
  local function key(pattern)
    local parts = {}
    for i, segment in ipairs(pattern.segments) do parts[i] = segment:sub(1, 1) == ":" and "1" or "0" end
    return table.concat(parts) .. pattern.path
  end
  table.sort(routes.patterns, function(a, b) return key(a) < key(b) end)
end

local known_route_options = { handler = true, stream_body = true }

-- The handler of a route, and whether it reads the body itself.
local function check_route(name, path, route)
  if type(route) == "function" then return route, false end
  if type(route) ~= "table" then
    error("http.serve: the handler of " .. name .. " " .. path .. " must be a function, got " .. type(route), 4)
  end
  for key in pairs(route) do
    if not known_route_options[key] then
      log.warn("http.serve: unknown option " .. tostring(key) .. " of " .. name .. " " .. path .. " is ignored")
    end
  end
  if type(route.handler) ~= "function" then
    error("http.serve: the handler of " .. name .. " " .. path .. " must be a function, got "
      .. type(route.handler), 4)
  end
  return route.handler, route.stream_body and true or false
end

-- Routes by method, each method's in a table of its own; and the set of handlers that read the body
-- themselves, nil if there is none.
local function compile(routes)
  if type(routes) ~= "table" then
    error("http.serve: argument #2 must be a table of routes, got " .. type(routes), 3)
  end
  local compiled, reading = {}, nil
  for method, paths in pairs(routes) do
    if type(method) ~= "string" or type(paths) ~= "table" then
      error("http.serve: routes must be { METHOD = { [\"/path\"] = function } }, got "
        .. tostring(method) .. " = " .. type(paths), 3)
    end
    local name = method:upper()
    compiled[name] = compiled[name] or new_table()
    for path, route in pairs(paths) do
      if type(path) ~= "string" or path:sub(1, 1) ~= "/" then
        error("http.serve: a path must be a string that begins with '/', got " .. tostring(path), 3)
      end
      local handler, reads = check_route(name, path, route)
      if reads then
        -- A function of its own: the same one may serve another route that does not.
        local own = handler
        handler = function(request) return own(request) end
        reading = reading or {}
        reading[handler] = true
      end
      add_route(compiled[name], path, handler)
    end
    sort_patterns(compiled[name])
  end
  return compiled, reading
end

local function match_pattern(pattern, segments)
  if #pattern.segments ~= #segments then return nil end
  local params = {}
  for i, expected in ipairs(pattern.segments) do
    if expected:sub(1, 1) == ":" then
      if segments[i] == "" then return nil end
      params[expected:sub(2)] = url.decode((segments[i]:gsub("%+", "%%2B")))
    elseif expected ~= segments[i] then
      return nil
    end
  end
  return params
end

-- The handler of a path and its path parameters.
local function find(routes, path)
  if not routes then return nil end
  local handler = routes.exact[path]
  if handler then return handler end
  if #routes.patterns > 0 then
    local segments = split(path)
    for _, pattern in ipairs(routes.patterns) do
      local params = match_pattern(pattern, segments)
      if params then return pattern.handler, params end
    end
  end
  if next(routes.prefixes) then
    local prefix = path
    while prefix do
      prefix = prefix:match("^(.*/)[^/]*$")
      if prefix and routes.prefixes[prefix] then return routes.prefixes[prefix] end
      prefix = prefix and prefix:sub(1, -2)
    end
  end
end

local function find_any(compiled, method, path)
  local handler, params = find(compiled[method], path)
  if not handler and method == "HEAD" then handler, params = find(compiled.GET, path) end
  if not handler then handler, params = find(compiled.ANY, path) end
  return handler, params
end

-- The value of Allow for a path, or nil if no method knows it (RFC 9110, section 15.5.6).
local function allowed_methods(compiled, path)
  local methods = { }
  for method, routes in pairs(compiled) do
    if find(routes, path) then methods[#methods + 1] = method end
  end
  if #methods == 0 then return nil end
  if compiled.GET and not compiled.HEAD and find(compiled.GET, path) then methods[#methods + 1] = "HEAD" end
  if not compiled.OPTIONS then methods[#methods + 1] = "OPTIONS" end
  table.sort(methods)
  return table.concat(methods, ", ")
end

local function without_handler(compiled, method, path)
  if method == "OPTIONS" and path == "*" then return { status = 204 } end
  local allow = allowed_methods(compiled, path)
  if not allow then return { status = 404, headers = { ["Content-Type"] = "text/plain" }, body = "not found" } end
  if method == "OPTIONS" then return { status = 204, headers = { Allow = allow } } end
  return { status = 405, headers = { ["Content-Type"] = "text/plain", Allow = allow }, body = "method not allowed" }
end

local function check_port(port)
  local number = math.tointeger(port)
  if not number or type(port) ~= "number" or number < 0 or number > 65535 then
    error("http.serve: port must be an integer from 0 to 65535, got " .. tostring(port), 3)
  end
  return number
end

local function check_options(opts)
  if opts == nil then return {} end
  if type(opts) ~= "table" then error("http.serve: options must be a table, got " .. type(opts), 3) end
  for key in pairs(opts) do
    if not known_options[key] then log.warn("http.serve: unknown option " .. tostring(key) .. " is ignored") end
  end
  if opts.on_listen ~= nil and type(opts.on_listen) ~= "function" then
    error("http.serve: opts.on_listen must be a function, got " .. type(opts.on_listen), 3)
  end
  return opts
end

-- Gives a request the methods that read its body; without 'body' there is nothing to read.
local function add_readers(request, body)
  function request.read(_, most)
    if most ~= nil and (type(most) ~= "number" or not math.tointeger(most) or most < 1) then
      error("req:read: argument #1 must be a whole number of bytes > 0, got " .. tostring(most), 2)
    end
    local piece = body and read_request(body, most) or ""
    if piece == "" then return nil end
    return piece
  end
  function request.chunks()
    return function() return request:read() end
  end
end

-- The function a response goes on with.
local function check_function(name, fn)
  if type(fn) ~= "function" then
    error("http.serve: '" .. name .. "' must be a function, got " .. type(fn), 0)
  end
  return fn
end

-- The body ends with its function: complete if it returns, broken off if it fails.
local function run_stream(server, id, method, response)
  local name = response.sse ~= nil and "sse" or "stream"
  local fn = check_function(name, response[name])
  local body <close> = start(server, id, response, name == "sse" and "events" or "bytes")
  if not body or method == "HEAD" then return end
  if name == "sse" then
    fn(function(event) send_event(body, event) end)
    return
  end
  fn(function(bytes)
    if type(bytes) == "number" then bytes = tostring(bytes) end
    if type(bytes) ~= "string" then
      error("write: argument #1 must be a string, got " .. type(bytes), 2)
    end
    for from = 0, #bytes - 1, LARGEST_WRITE do write_body(body, bytes, from) end
  end)
end

-- The connection closes with its function.
local function run_websocket(server, id, response)
  local fn = check_function("ws", response.ws)
  local holder, peer_addr, protocol = upgrade(server, id, response)
  if not holder then return end
  local _ <close> = setmetatable({}, { __close = function(_, failure) end_socket(holder, failure) end })
  fn(internals.new_connection(holder, peer_addr, protocol))
end

-- Serves until the server is stopped.
function http.serve(port, routes, opts)
  port = check_port(port)
  local compiled, reading = compile(routes)
  opts = check_options(opts)
  local held, address = listen(port, reading ~= nil)
  local server <close> = held
  local bound = math.tointeger(tonumber(address:match(":(%d+)$")))
  if port == 0 then _G._SERVER_PORT = bound end
  if opts.on_listen then
    opts.on_listen({ addr = address, port = bound, close = function() stop(server) end })
  end
  -- Takes what a handler returned, which may be nothing.
  local function answer(id, method, ...)
    if not reply(server, id, ...) then return end
    local response = ...
    if response.ws ~= nil then
      run_websocket(server, id, response)
    else
      run_stream(server, id, method, response)
    end
  end
  serve(server, function(request, id)
    local method, path = request.method, request.path
    local handler, params = find_any(compiled, method, path)
    if not handler then return reply(server, id, without_handler(compiled, method, path)) end
    if params then request.path_params = params end
    if reading then
      local coming = request.body == nil
      if reading[handler] then
        local body <close> = coming and open_body(server, id) or nil
        add_readers(request, body)
        return answer(id, method, handler(request))
      elseif coming and not collect_body(server, id, request) then
        return
      end
    end
    return answer(id, method, handler(request))
  end)
end
