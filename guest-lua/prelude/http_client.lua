-- http.get, post, put, patch, delete, head, request and http.client.
local internals = ...
local open_client, send, read_body = internals.open_client, internals.send, internals.read_body
local keep_whole, hand_over = internals.keep_whole, internals.hand_over
local shared = internals.http
local fail, warn_about_unknown, seconds, size = shared.fail, shared.warn_about_unknown, shared.seconds, shared.size
local redact = shared.redact

local DEFAULT_TIMEOUT = 30
local known_options = {
  headers = true, timeout = true, connect_timeout = true, follow_redirects = true, max_size = true,
  body = true, query = true, on_event = true, on_chunk = true, on_response = true,
}

-- How the script takes the body: in pieces for on_chunk, as events for on_event.
local function taking_of(fn, opts)
  local on_event, on_chunk = opts.on_event, opts.on_chunk
  for name, callback in pairs({ on_event = on_event, on_chunk = on_chunk, on_response = opts.on_response }) do
    if type(callback) ~= "function" then
      fail(fn, "opts." .. name .. " must be a function, got " .. type(callback))
    end
  end
  if on_event and on_chunk then fail(fn, "opts.on_event and opts.on_chunk exclude each other") end
  return on_event and "events" or on_chunk and "pieces" or "whole"
end

-- A request that can be sent, and sent again. client: { held, defaults }
local function prepare(client, fn, method, address, body, opts, taking)
  local defaults = client.defaults
  local headers = shared.merge_headers(fn, defaults.headers, opts.headers)
  body, headers = shared.encode_body(fn, body, headers)
  if taking == "events" then headers = shared.with_header(headers, "Accept", "text/event-stream") end
  local follow = opts.follow_redirects
  if follow == nil then follow = defaults.follow_redirects end
  return {
    held = client.held, fn = fn, method = method, headers = headers, body = body, taking = taking,
    address = shared.with_query(fn, shared.absolute(defaults.base_url, address), opts.query),
    timeout = seconds(fn, "timeout", opts.timeout) or defaults.timeout or DEFAULT_TIMEOUT,
    connect_timeout = seconds(fn, "connect_timeout", opts.connect_timeout) or defaults.connect_timeout,
    follow = follow ~= false,
    max_size = size(fn, "max_size", opts.max_size) or defaults.max_size,
  }
end

-- Raises what sending or reading raised: a failure knows its address, a mistake of the caller its position.
local function refuse(request, problem)
  if type(problem) == "table" then
    problem.url = redact(request.address)
    error(problem, 0)
  end
  fail(request.fn, (tostring(problem):gsub("^.-" .. request.fn:gsub("%p", "%%%0") .. ": ", "")))
end

-- Returns the response, what reads the rest of its body and closes the exchange (nil if there is no rest),
-- and whether the body is taken in pieces.
local function open(request)
  local ok, response, rest, in_pieces = pcall(send, request.fn, request.held, request.method, request.address,
    request.headers, request.body, request.timeout, request.connect_timeout, request.follow, request.max_size,
    request.taking)
  if not ok then refuse(request, response) end
  return response, rest, in_pieces
end

-- A function that returns the next piece of the body, nil at its end; the response keeps none of it.
local function pieces_of(request, response, rest)
  local first = response.body
  response.body = nil
  return function()
    local ok, piece = true, first
    first = nil
    if not piece or piece == "" then
      if not rest then return nil end
      ok, piece = pcall(read_body, request.fn, rest)
      if not ok then refuse(request, piece) end
    end
    return piece ~= "" and piece or nil
  end
end

local function check(fn, address, opts)
  if type(address) ~= "string" then
    fail(fn, "argument #" .. (fn == "http.request" and 2 or 1) .. " must be a URL string, got " .. type(address))
  end
  if opts ~= nil and type(opts) ~= "table" then
    fail(fn, "options must be a table, got " .. type(opts))
  end
end

local function exchange(client, fn, method, address, body, opts)
  check(fn, address, opts)
  opts = opts or {}
  warn_about_unknown(fn, opts, known_options)
  local request = prepare(client, fn, method, address, body, opts, taking_of(fn, opts))
  local response, rest, in_pieces = open(request)
  if not rest and not in_pieces and not opts.on_response then return response end
  local closing <close> = rest
  local next_piece = pieces_of(request, response, rest)
  if opts.on_response and opts.on_response(response) == "close" then return response end
  if in_pieces then
    hand_over(fn, redact(request.address), response, next_piece, opts)
  else
    keep_whole(response, next_piece)
  end
  return response
end

-- The client behind http.get and its like; opened when first used.
local default = { defaults = {} }
local function default_client()
  if not default.held then default.held = open_client("http") end
  return default
end

local without_body = { get = "GET", delete = "DELETE", head = "HEAD" }
local with_body = { post = "POST", put = "PUT", patch = "PATCH" }

for name, method in pairs(without_body) do
  local fn = "http." .. name
  http[name] = function(address, opts)
    return exchange(default_client(), fn, method, address, type(opts) == "table" and opts.body or nil, opts)
  end
end

for name, method in pairs(with_body) do
  local fn = "http." .. name
  http[name] = function(address, body, opts)
    return exchange(default_client(), fn, method, address, body, opts)
  end
end

local function check_method(fn, method)
  if type(method) ~= "string" then
    fail(fn, "argument #1 must be a method name, got " .. type(method))
  end
  return method
end

function http.request(method, address, opts)
  check_method("http.request", method)
  return exchange(default_client(), "http.request", method, address, type(opts) == "table" and opts.body or nil, opts)
end

-- Methods of what http.client returns.
local methods = {}
local clients = setmetatable({}, { __mode = "k" })
local client_metatable = { __index = methods, __name = "http.client", __metatable = false }

local function client_of(self, name)
  return clients[self] or fail("http.client", "call it as client:" .. name .. "(…)")
end

for name, method in pairs(without_body) do
  local fn = "http." .. name
  methods[name] = function(self, address, opts)
    return exchange(client_of(self, name), fn, method, address, type(opts) == "table" and opts.body or nil, opts)
  end
end

for name, method in pairs(with_body) do
  local fn = "http." .. name
  methods[name] = function(self, address, body, opts)
    return exchange(client_of(self, name), fn, method, address, body, opts)
  end
end

function methods.request(self, method, address, opts)
  check_method("http.request", method)
  return exchange(client_of(self, "request"), "http.request", method, address,
    type(opts) == "table" and opts.body or nil, opts)
end

function methods.download(self, address, path, opts)
  return internals.download(client_of(self, "download"), address, path, opts)
end

local client_options = {
  timeout = seconds, connect_timeout = seconds, max_size = size,
  follow_redirects = function(_, _, value) return value end,
  headers = function(fn, _, value)
    if type(value) ~= "table" then fail(fn, "opts.headers must be a table, got " .. type(value)) end
    for name in pairs(value) do
      if type(name) ~= "string" then fail(fn, "header names must be strings, got " .. type(name)) end
    end
    return value
  end,
  base_url = function(fn, name, value)
    if type(value) ~= "string" then fail(fn, "opts." .. name .. " must be a string, got " .. type(value)) end
    return value
  end,
}
client_options.ca_cert, client_options.ca_cert_file = client_options.base_url, client_options.base_url

-- A client with connections and defaults of its own.
function http.client(opts)
  local fn = "http.client"
  if opts ~= nil and type(opts) ~= "table" then fail(fn, "options must be a table, got " .. type(opts)) end
  local defaults = {}
  opts = opts or {}
  warn_about_unknown(fn, opts, client_options)
  for name, value in pairs(opts) do
    local check_option = client_options[name]
    if check_option then defaults[name] = check_option(fn, name, value) end
  end
  local client = setmetatable({}, client_metatable)
  clients[client] = { held = open_client(fn, defaults.ca_cert, defaults.ca_cert_file), defaults = defaults }
  return client
end

-- What is built on this.
shared.check, shared.prepare, shared.open, shared.pieces_of = check, prepare, open, pieces_of
shared.default_client, shared.client_of, shared.methods = default_client, client_of, methods
