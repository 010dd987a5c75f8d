-- http.events: an event stream that is followed across lost connections, as a browser's EventSource does.
local internals = ...
local raise_with, events_of, close_body = internals.raise_with, internals.events_of, internals.close_body
local client = internals.http
local fail, open, pieces_of, redact = client.fail, client.open, client.pieces_of, client.redact
local log_warn = log.warn

-- Seconds.
local DEFAULT_RETRY = 3
-- Bounds on what the server asks for.
local LEAST_RETRY, LONGEST_RETRY = 0.1, 24 * 3600
-- Failed attempts double the wait up to this.
local LONGEST_BACKOFF = 60
-- Bytes of an id that is sent back; header sections have limits on both sides.
local MAX_ID = 4096

local known_options = {
  headers = true, timeout = true, connect_timeout = true, follow_redirects = true, max_size = true,
  body = true, query = true, method = true, last_event_id = true, retry = true, max_retries = true,
}

-- What another attempt may mend, and how else a connection may break.
local passing = { closed = true, connect = true, dns = true, limit = true, timeout = true }
local breaking = { protocol = true, tls = true }

local function kind_of(failure)
  return type(failure) == "table" and rawget(failure, "kind") or ""
end

-- Whether an id can stand in a header.
local function is_sendable(id)
  return #id <= MAX_ID and not id:find("[\0-\8\10-\31\127]")
end

local function check_options(fn, opts)
  local id, retries = opts.last_event_id, opts.max_retries
  if id ~= nil and not (type(id) == "string" and is_sendable(id)) then
    fail(fn, "opts.last_event_id must be a string of at most " .. MAX_ID .. " bytes without control characters, got "
      .. (type(id) == "string" and "another" or type(id)))
  end
  if retries ~= nil and not (math.type(retries) == "integer" and retries >= 0) then
    fail(fn, "opts.max_retries must be a whole number >= 0, got " .. tostring(retries))
  end
  if opts.method ~= nil and type(opts.method) ~= "string" then
    fail(fn, "opts.method must be a method name, got " .. type(opts.method))
  end
end

-- Adds to the request where the stream goes on; what the script's headers say holds until an id is known.
local function resume_at(request, headers, id)
  request.headers = headers
  if not id or not is_sendable(id) then return end
  request.headers = { ["Last-Event-ID"] = id }
  for name, value in pairs(headers) do
    if type(name) ~= "string" or name:lower() ~= "last-event-id" then request.headers[name] = value end
  end
end

-- A stream that is followed: connected, read, lost, waited for, and so on until it is finished.
local Source = {}
Source.__index = Source

-- Closes the connection, if there is one.
function Source:lose()
  local rest = self.rest
  if self.stream then
    self.id, self.retry = self.stream:state()
  end
  self.rest, self.stream, self.next_event = nil, nil, nil
  if rest then close_body(rest) end
end

-- A connection on which a coroutine waits is closed when that wait is over: see 'turn'.
function Source:finish()
  self.finished = true
  if not self.waiting then self:lose() end
end

-- What is closed when a coroutine is done with the source, whatever the reason.
local turn = {
  __close = function(self)
    self.source.waiting = false
    if self.source.finished then self.source:lose() end
  end,
}

function Source:fail(url, response, what)
  raise_with({ url = url, status = response.status }, "protocol", self.request.fn .. " failed: " .. what)
end

-- Connects; false if the server says that there is nothing more.
function Source:connect()
  local request = self.request
  resume_at(request, self.headers, self.id)
  local response, rest, in_pieces = open(request)
  self.rest = rest
  if response.status == 204 then return false end
  local url = redact(response.url)
  if response.status ~= 200 then self:fail(url, response, "the answer has status " .. response.status) end
  if not in_pieces then
    local media_type = (response.headers["content-type"] or "without a type"):match("^[%w%p ]*"):sub(1, 80)
    self:fail(url, response, "the answer is " .. media_type .. ", not text/event-stream")
  end
  self.failures, self.connected = 0, true
  self.next_event, self.stream = events_of(request.fn, url, pieces_of(request, response, rest),
    self.id, self.retry)
  return true
end

-- Seconds to wait before the next attempt: as many as server or script say, more after failed attempts.
function Source:pause()
  local seconds = self.asked
  if self.retry then seconds = math.min(math.max(self.retry / 1000, LEAST_RETRY), LONGEST_RETRY) end
  if self.failures > 1 then
    seconds = math.min(seconds * 2.0 ^ (self.failures - 1), math.max(seconds, LONGEST_BACKOFF))
  end
  return seconds
end

-- Drops the connection and waits for the next attempt.
function Source:begin_anew()
  self:lose()
  sleep(self:pause())
end

function Source:give_up(failure)
  self.finished = true
  error(failure, 0)
end

-- Connects, unless the server has nothing more; what time may mend is logged and outlived.
function Source:attempt()
  local ok, result = pcall(self.connect, self)
  if ok then
    self.finished = not result
    return
  end
  local kind = kind_of(result)
  self.failures = self.failures + 1
  -- A server that was there before and cannot do TLS now may be starting again.
  local is_passing = passing[kind] or kind == "tls" and self.connected
  if not is_passing or self.failures > self.max_retries then self:give_up(result) end
  log_warn(string.format("%s; trying again in %.3g s", result, self:pause()), { failures = self.failures })
  self:begin_anew()
end

-- The next event; nil if the connection is lost.
function Source:read()
  local ok, result = pcall(self.next_event)
  if ok and result then return result end
  if not ok and not (passing[kind_of(result)] or breaking[kind_of(result)]) then self:give_up(result) end
  self:begin_anew()
  return nil
end

-- The next event, nil at the end.
function Source:next()
  if self.waiting then fail(self.request.fn, "another coroutine waits for the next event of this stream") end
  self.waiting = true
  local turn <close> = self.turn
  while not self.finished do
    if self.next_event then
      local event = self:read()
      if event then return event end
    else
      self:attempt()
    end
  end
  return nil
end

local function events(held, address, opts)
  local fn = "http.events"
  client.check(fn, address, opts)
  opts = opts or {}
  client.warn_about_unknown(fn, opts, known_options)
  check_options(fn, opts)
  local method = opts.method or opts.body ~= nil and "POST" or "GET"
  local request = client.prepare(held, fn, method, address, opts.body, opts, "events")
  -- Taken now, as everything else is, and not when the stream is connected again.
  local headers = {}
  for name, value in pairs(client.with_header(request.headers, "Cache-Control", "no-cache")) do headers[name] = value end
  local source = setmetatable({
    request = request,
    headers = headers,
    id = opts.last_event_id,
    asked = client.seconds(fn, "retry", opts.retry) or DEFAULT_RETRY,
    max_retries = opts.max_retries or math.huge,
    failures = 0,
  }, Source)
  source.turn = setmetatable({ source = source }, turn)
  local closing = setmetatable({}, { __close = function() source:finish() end, __metatable = false })
  return function() return source:next() end, nil, nil, closing
end

-- An iterator over the events of a stream, which connects again when the connection is lost.
function http.events(address, opts)
  return events(client.default_client(), address, opts)
end

function client.methods.events(self, address, opts)
  return events(client.client_of(self, "events"), address, opts)
end
