-- The arguments of requests: checked, with errors at the script's own line, and brought into the form they are
-- sent in.
local internals = ...

-- Taken once: what a script does to its globals must not change what a request does.
local json_encode, url_encode, log_warn, getinfo = json.encode, url.encode, log.warn, debug.getinfo
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

internals.http = {
  fail = fail, warn_about_unknown = warn_about_unknown, seconds = seconds, size = size, with_header = with_header,
  merge_headers = merge_headers, encode_body = encode_body, with_query = with_query, redact = redact, absolute = absolute,
}
