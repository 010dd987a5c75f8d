-- ws.connect, and the connections that it and http.serve hand out.
local internals = ...
local connect, take, wait = internals.ws_connect, internals.ws_take, internals.ws_wait
local write, close = internals.ws_write, internals.ws_close
local is_closed, fail = internals.ws_is_closed, internals.ws_fail
local warn_about_unknown, redact = internals.http.warn_about_unknown, internals.http.redact
local begin_close = internals.ws_begin_close

local DEFAULT_TIMEOUT = 30

-- Methods of connections.
local methods = {}

-- What a connection's methods need and its script must not touch: { holder, reading }.
local states = setmetatable({}, { __mode = "k" })

local metatable = {
  __index = methods, __name = "websocket", __metatable = false,
  -- Does not wait for the peer: a coroutine that is closed cannot.
  __close = function(self) begin_close(states[self].holder) end,
}

-- While a coroutine waits for a message its state is a to-be-closed variable: however the wait ends,
-- nobody reads any more.
local state_metatable = { __close = function(state) state.reading = false end }

-- What a script sees of a connection: the holder is of src/websocket.c.
function internals.new_connection(holder, peer_addr, protocol)
  local conn = setmetatable({ peer_addr = peer_addr, protocol = protocol }, metatable)
  states[conn] = setmetatable({ holder = holder, reading = false }, state_metatable)
  return conn
end

local function state_of(self, name)
  return states[self] or fail("conn:" .. name .. ": call it as conn:" .. name .. "(…)")
end

function methods:read(timeout)
  local state = state_of(self, "read")
  if timeout ~= nil and (type(timeout) ~= "number" or not (timeout >= 0)) then
    fail("conn:read: timeout must be a number of seconds >= 0, got " .. tostring(timeout))
  end
  if state.reading then fail("conn:read: another coroutine is reading this connection already") end
  while true do
    local data, kind, reason = take(state.holder)
    if data then return data, kind end
    if data == false then
      self.close_code, self.close_reason = kind, reason
      return nil
    end
    state.reading = true
    local reading <close> = state
    wait(state.holder, timeout)
  end
end

function methods:messages()
  state_of(self, "messages")
  return function() return methods.read(self) end
end

function methods:write(data, opts)
  local state = state_of(self, "write")
  if opts ~= nil and type(opts) ~= "table" then
    fail("conn:write: options must be a table, got " .. type(opts))
  end
  write(state.holder, data, opts ~= nil and opts.binary)
end

function methods:close(code, reason)
  close(state_of(self, "close").holder, code, reason)
end

function methods:is_closed()
  return is_closed(state_of(self, "is_closed").holder)
end

local known_options = { headers = true, protocols = true, subprotocols = true, timeout = true, ca_cert = true }
-- The names of the subprotocols, each followed by a NUL.
local function protocol_list(protocols)
  if protocols == nil then return "" end
  if type(protocols) ~= "table" then
    fail("ws.connect: opts.protocols must be an array of strings, got " .. type(protocols))
  end
  local list = {}
  for i, name in ipairs(protocols) do
    if type(name) ~= "string" or name:find("\0", 1, true) then
      fail("ws.connect: opts.protocols must be an array of names, got " .. type(name) .. " at " .. i)
    end
    list[i] = name .. "\0"
  end
  return table.concat(list)
end

function ws.connect(address, opts)
  if type(address) ~= "string" then
    fail("ws.connect: argument #1 must be a URL string, got " .. type(address))
  end
  if opts ~= nil and type(opts) ~= "table" then
    fail("ws.connect: options must be a table, got " .. type(opts))
  end
  opts = opts or {}
  warn_about_unknown("ws.connect", opts, known_options)
  local headers, timeout, ca_cert = opts.headers, opts.timeout, opts.ca_cert
  if headers ~= nil and type(headers) ~= "table" then
    fail("ws.connect: opts.headers must be a table, got " .. type(headers))
  end
  if timeout ~= nil and (type(timeout) ~= "number" or not (timeout > 0)) then
    fail("ws.connect: opts.timeout must be a number of seconds > 0, got " .. tostring(timeout))
  end
  if ca_cert ~= nil and type(ca_cert) ~= "string" then
    fail("ws.connect: opts.ca_cert must be a string, got " .. type(ca_cert))
  end
  local protocols = protocol_list(opts.protocols or opts.subprotocols)
  local ok, holder, peer_addr, protocol =
    pcall(connect, address, headers, protocols, timeout or DEFAULT_TIMEOUT, ca_cert)
  if ok then return internals.new_connection(holder, peer_addr, protocol) end
  if type(holder) == "table" then holder.url = redact(address) end
  error(holder, 0)
end
