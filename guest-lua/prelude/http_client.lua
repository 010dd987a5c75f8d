-- http.get, post, put, patch, delete, head, request and http.client.
local internals = ...
local open_client, send, read_body = internals.open_client, internals.send, internals.read_body
local keep_whole, hand_over = internals.keep_whole, internals.hand_over

-- Taken once: what a script does to its globals must not change what a request does.
local json_encode, url_encode, log_warn, getinfo = json.encode, url.encode, log.warn, debug.getinfo

local DEFAULT_TIMEOUT = 30
local known_options = {
  headers = true, timeout = true, connect_timeout = true, follow_redirects = true, max_size = true,
  body = true, query = true, on_event = true, on_chunk = true,
}
local warned = {}

-- Raises with the position of the script's call, past the functions of this prelude.
local function fail(fn, message)
  local level = 3
  while true do
    local info = getinfo(level, "S")
    if not info or info.what ~= "C" and info.short_src:sub(1, 10) ~= "[tidelock " then break end
    level = level + 1
  end
  error(fn .. ": " .. message, level)
end

local function warn_about_unknown(fn, opts, known)
  for key in pairs(opts) do
    if not known[key] and not warned[key] then
      warned[key] = true
      log_warn(fn .. ": unknown option " .. tostring(key) .. " is ignored")
    end
  end
end

local function seconds(fn, name, value)
  if value == nil then return nil end
  if type(value) ~= "number" or not (value > 0) then
    fail(fn, "opts." .. name .. " must be a number of seconds > 0, got " .. tostring(value))
  end
  return value < 1e9 and value or 1e9
end

local function size(fn, name, value)
  if value == nil then return nil end
  local bytes = math.tointeger(value)
  if not bytes or bytes < 0 then
    fail(fn, "opts." .. name .. " must be a whole number of bytes >= 0, got " .. tostring(value))
  end
  return bytes
end

local function has_header(headers, wanted)
  for name in pairs(headers or {}) do
    if type(name) == "string" and name:lower() == wanted then return true end
  end
  return false
end

-- The headers, and this one unless they name it.
local function with_header(headers, name, value)
  if has_header(headers, name:lower()) then return headers end
  local all = { [name] = value }
  for other, its_value in pairs(headers or {}) do all[other] = its_value end
  return all
end

-- The defaults' headers, then the call's; a name of the call replaces any spelling of it.
local function merge_headers(fn, defaults, headers)
  if headers ~= nil and type(headers) ~= "table" then
    fail(fn, "opts.headers must be a table, got " .. type(headers))
  end
  if not defaults then return headers end
  local merged = {}
  for name, value in pairs(defaults) do
    if not has_header(headers, name:lower()) then merged[name] = value end
  end
  for name, value in pairs(headers or {}) do merged[name] = value end
  return merged
end

-- What 'encoder' makes of a value; its errors name this function, not the encoder.
local function encode(fn, what, encoder, value)
  local ok, text = pcall(encoder, value)
  if ok then return text end
  if text == "not enough memory" then error(text, 0) end
  fail(fn, what .. " cannot be encoded: " .. tostring(text):gsub("^%l+%.encode: ", ""))
end

local function encode_body(fn, body, headers)
  if body == nil or type(body) == "string" then return body, headers end
  if type(body) ~= "table" then
    fail(fn, "the body must be a string, a table or nil, got " .. type(body))
  end
  return encode(fn, "the body", json_encode, body), with_header(headers, "Content-Type", "application/json")
end

local function with_query(fn, address, query)
  if query == nil then return address end
  if type(query) ~= "table" then fail(fn, "opts.query must be a table, got " .. type(query)) end
  local encoded = encode(fn, "opts.query", url_encode, query)
  if encoded == "" then return address end
  local before, fragment = address:match("^([^#]*)(.*)$")
  return before .. (before:find("?", 1, true) and "&" or "?") .. encoded .. fragment
end

-- The address without what may be secret in it.
local function redact(address)
  return (address:gsub("[?#].*$", ""):gsub("^([%w+.-]*://)[^/]*@", "%1"))
end

local function absolute(base, address)
  if not base or address:find("^%a[%w+.-]*:") then return address end
  return base:gsub("/+$", "") .. "/" .. address:gsub("^/+", "")
end

-- How the script takes the body: in pieces for on_chunk, as events for on_event.
local function taking_of(fn, opts)
  local on_event, on_chunk = opts.on_event, opts.on_chunk
  for name, callback in pairs({ on_event = on_event, on_chunk = on_chunk }) do
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
  local headers = merge_headers(fn, defaults.headers, opts.headers)
  body, headers = encode_body(fn, body, headers)
  if taking == "events" then headers = with_header(headers, "Accept", "text/event-stream") end
  local follow = opts.follow_redirects
  if follow == nil then follow = defaults.follow_redirects end
  return {
    held = client.held, fn = fn, method = method, headers = headers, body = body, taking = taking,
    address = with_query(fn, absolute(defaults.base_url, address), opts.query),
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
  if not rest and not in_pieces then return response end
  local closing <close> = rest
  local next_piece = pieces_of(request, response, rest)
  if in_pieces then
    hand_over(fn, redact(request.address), response, next_piece, opts)
  else
    keep_whole(response, next_piece)
  end
  return response
end

-- The client behind http.get and its like; opened when first used.
local shared = { defaults = {} }
local function default_client()
  if not shared.held then shared.held = open_client("http") end
  return shared
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
client_options.ca_cert = client_options.base_url

-- A client with connections and defaults of its own.
function http.client(opts)
  local fn = "http.client"
  if opts ~= nil and type(opts) ~= "table" then fail(fn, "options must be a table, got " .. type(opts)) end
  local defaults = {}
  for name, value in pairs(opts or {}) do
    local check = client_options[name]
    if name == "ca_cert_file" then
      fail(fn, "opts.ca_cert_file needs read access to files, which this version cannot grant: pass the PEM text as opts.ca_cert")
    elseif check then
      defaults[name] = check(fn, name, value)
    elseif not warned[name] then
      warned[name] = true
      log_warn(fn .. ": unknown option " .. tostring(name) .. " is ignored")
    end
  end
  local client = setmetatable({}, client_metatable)
  clients[client] = { held = open_client(fn, defaults.ca_cert), defaults = defaults }
  return client
end

-- What is built on this.
internals.http = {
  fail = fail, check = check, seconds = seconds, warn_about_unknown = warn_about_unknown, redact = redact,
  with_header = with_header, prepare = prepare, open = open, pieces_of = pieces_of,
  default_client = default_client, client_of = client_of, methods = methods,
}
