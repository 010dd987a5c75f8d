-- http.get, post, put, patch, delete, head, request and http.client.
local internals = ...
local open_client, send, read_body = internals.open_client, internals.send, internals.read_body

-- Taken once: what a script does to its globals must not change what a request does.
local json_encode, url_encode, log_warn, getinfo = json.encode, url.encode, log.warn, debug.getinfo

local DEFAULT_TIMEOUT = 30
local known_options = {
  headers = true, timeout = true, connect_timeout = true, follow_redirects = true, max_size = true,
  body = true, query = true, on_event = true,
}
local warned = {}

-- Raises with the position of the script's call, past the functions of this prelude.
local function fail(fn, message)
  local level = 3
  while true do
    local info = getinfo(level, "S")
    if not info or info.short_src:sub(1, 10) ~= "[tidelock " then break end
    level = level + 1
  end
  error(fn .. ": " .. message, level)
end

local function warn_about_unknown(fn, opts)
  for key in pairs(opts) do
    if not known_options[key] and not warned[key] then
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
  if not has_header(headers, "content-type") then
    local with_type = { ["Content-Type"] = "application/json" }
    for name, value in pairs(headers or {}) do with_type[name] = value end
    headers = with_type
  end
  return encode(fn, "the body", json_encode, body), headers
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

-- Collects the rest of a body in pieces.
local function read_all(fn, response, rest)
  local body <close> = rest
  local pieces = { response.body }
  while true do
    local piece = read_body(fn, body)
    if piece == "" then break end
    pieces[#pieces + 1] = piece
  end
  response.body = table.concat(pieces)
end

-- client: { held, defaults }
local function exchange(client, fn, method, address, body, opts)
  local defaults = client.defaults
  if type(address) ~= "string" then
    fail(fn, "argument #" .. (fn == "http.request" and 2 or 1) .. " must be a URL string, got " .. type(address))
  end
  if opts ~= nil and type(opts) ~= "table" then
    fail(fn, "options must be a table, got " .. type(opts))
  end
  opts = opts or {}
  warn_about_unknown(fn, opts)
  local headers = merge_headers(fn, defaults.headers, opts.headers)
  body, headers = encode_body(fn, body, headers)
  address = with_query(fn, absolute(defaults.base_url, address), opts.query)
  local follow = opts.follow_redirects
  if follow == nil then follow = defaults.follow_redirects end
  local timeout = seconds(fn, "timeout", opts.timeout) or defaults.timeout or DEFAULT_TIMEOUT
  local connect_timeout = seconds(fn, "connect_timeout", opts.connect_timeout) or defaults.connect_timeout
  local max_size = size(fn, "max_size", opts.max_size) or defaults.max_size
  local ok, response, rest = pcall(send, fn, client.held, method, address, headers, body, timeout,
    connect_timeout, follow ~= false, max_size)
  if ok and rest then
    local failure
    ok, failure = pcall(read_all, fn, response, rest)
    if not ok then response = failure end
  end
  if ok then return response end
  if type(response) == "table" then
    response.url = redact(address)
    error(response, 0)
  end
  local message = tostring(response)
  fail(fn, (message:gsub("^.-" .. fn:gsub("%p", "%%%0") .. ": ", "")))
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
