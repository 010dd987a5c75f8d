-- A clock and a live log over server-sent events, with a page that shows both. Try it:
--   tidelock run --allow-listen=8080 examples/sse_clock.lua 8080
-- then open http://127.0.0.1:8080/, or watch the raw stream, and add lines from another terminal:
--   curl -N http://127.0.0.1:8080/events
--   curl -d 'the build is green' http://127.0.0.1:8080/log
-- The argument is the port; without it, 8080.

local port = tonumber(arg[1]) or 8080

local KEPT = 1000 -- lines that are kept for those who come back
local MAX_LINE = 1000 -- bytes

-- The log lives in this script's memory. Each line has a number; its id on the wire also names this run,
-- because a server that was started again counts from 1 again.
local run = crypto.random(8)
local lines, last = {}, 0
local listeners = {} -- the open event streams

-- The number of the last line a client has, from the id it says it saw last. A browser that has lost its
-- connection sends it on its own. An id of another run means: none of these lines yet.
local function last_seen(id)
  local number = id and id:match("^" .. run .. "%-(%d+)$")
  return math.tointeger(number) or 0
end

-- Sends a listener all it has not seen. `send` waits while the client is slow, so each listener goes at a
-- pace of its own; lines that come meanwhile are sent by the same loop.
local function catch_up(listener)
  if listener.busy then
    return
  end
  listener.busy = true
  while listener.seen < last do
    local number = math.max(listener.seen + 1, last - KEPT + 1)
    listener.send({ event = "line", id = run .. "-" .. number, data = lines[number] })
    listener.seen = number
  end
  listener.busy = false
end

local function append(line)
  last = last + 1
  lines[last] = line
  lines[last - KEPT] = nil
  for listener in pairs(listeners) do
    -- In a task of its own: who appends a line waits for nobody. A listener that has gone makes `send`
    -- raise; its own function notices that too, and ends.
    async.spawn(pcall, catch_up, listener)
  end
end

-- One event stream: the missed lines first, then a clock event each second and lines as they come.
local function events(req)
  local id = req.headers["last-event-id"]
  local listener = { seen = last_seen(id) }
  return {
    sse = function(send)
      listener.send = send
      listeners[listener] = true
      local leaving <close> = setmetatable({}, {
        __close = function()
          listeners[listener] = nil
          print("a listener left")
        end,
      })
      print(id and "a listener came back after " .. id or "a listener came")
      send({ retry = 500 }) -- milliseconds until a browser connects again
      catch_up(listener)
      while true do
        -- No id here: a clock that was missed needs no repetition.
        send({ event = "clock", data = os.date("!%H:%M:%S") })
        sleep(1 - time() % 1)
      end
    end,
  }
end

-- The page: what it gets it shows as text, never as HTML.
local page = [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clock and log</title>
<style>
  :root {
    color-scheme: light dark;
    --back: light-dark(#f4f5f8, #14161b); --front: light-dark(#1d2129, #e8eaf0);
    --card: light-dark(#fff, #1f232b); --line: light-dark(#dfe2ea, #333946);
    --quiet: light-dark(#5d6573, #98a1b2); --accent: light-dark(#3454d1, #8ea5ff);
    --on-accent: light-dark(#fff, #10131c);
  }
  * { box-sizing: border-box; }
  body {
    margin: 0; padding: 1rem; font: 16px/1.45 system-ui, sans-serif; color: var(--front); background: var(--back);
  }
  main { max-width: 44rem; margin: 0 auto; }
  section { margin-bottom: 1rem; padding: 1.2rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--card); }
  h1, h2 { margin: 0; font-size: 1rem; font-weight: 650; }
  .bar { display: flex; align-items: center; justify-content: space-between; gap: 1rem; }
  #status { font-size: .875rem; color: var(--quiet); }
  #status::before {
    content: ""; display: inline-block; width: .55rem; height: .55rem; margin-right: .45rem;
    border-radius: 50%; background: #d98a1f;
  }
  #status.open::before { background: #2e9e5b; }
  #clock {
    display: block; margin-top: .4rem; text-align: center; line-height: 1.2;
    font-size: clamp(3rem, 16vw, 6rem); font-weight: 200; font-variant-numeric: tabular-nums; letter-spacing: -.02em;
  }
  .zone { text-align: center; color: var(--quiet); font-size: .875rem; }
  #log { list-style: none; margin: .8rem 0 0; padding: 0; max-height: 40dvh; overflow-y: auto; scrollbar-width: thin; }
  #log li { display: flex; gap: .9rem; padding: .5rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
  #log .number { flex: none; min-width: 2.5ch; text-align: right; color: var(--quiet); font-variant-numeric: tabular-nums; }
  #log:empty::after { content: "No lines yet."; color: var(--quiet); }
  form { display: flex; gap: .6rem; margin-top: .9rem; }
  input, button { font: inherit; padding: .6rem .9rem; border-radius: .7rem; border: 1px solid var(--line); }
  input { flex: 1; min-width: 0; color: inherit; background: var(--back); }
  button { border-color: transparent; color: var(--on-accent); background: var(--accent); cursor: pointer; font-weight: 600; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
</style>
</head>
<body>
<main>
  <section>
    <div class="bar"><h1>Clock</h1><div id="status" role="status">connecting</div></div>
    <time id="clock">--:--:--</time>
    <div class="zone">UTC, as the server says it</div>
  </section>
  <section>
    <h2>Log</h2>
    <ol id="log" role="log" tabindex="0" aria-label="Log"></ol>
    <form id="add">
      <input id="text" aria-label="New line" placeholder="Write a line" maxlength="200" required autocomplete="off">
      <button>Add</button>
    </form>
  </section>
</main>
<script>
  const find = id => document.getElementById(id);
  const source = new EventSource("/events");

  function show(status, text) {
    find("status").className = status;
    find("status").textContent = text;
  }

  source.onopen = () => show("open", "live");
  source.onerror = () => show("", "reconnecting");
  source.addEventListener("clock", event => { find("clock").textContent = event.data; });
  source.addEventListener("line", event => {
    const item = document.createElement("li");
    const number = document.createElement("span");
    const text = document.createElement("span");
    item.dataset.id = event.lastEventId;
    number.className = "number";
    number.textContent = event.lastEventId.split("-")[1];
    text.className = "text";
    text.textContent = event.data;
    item.append(number, text);
    find("log").append(item);
    find("log").scrollTop = find("log").scrollHeight;
  });

  find("add").onsubmit = async submit => {
    submit.preventDefault();
    const text = find("text").value;
    find("text").value = "";
    const response = await fetch("/log", { method: "POST", body: text });
    if (!response.ok) show("", await response.text());
  };
</script>
</body>
</html>
]==]

http.serve(port, {
  GET = {
    ["/"] = function()
      return { headers = { ["Content-Type"] = "text/html; charset=utf-8" }, body = page }
    end,
    ["/events"] = events,
  },

  POST = {
    ["/log"] = function(req)
      local line = req.body:gsub("%s+", " ")
      if not line:find("%S") or #line > MAX_LINE or not utf8.len(line) then
        return { status = 400, body = "expected one line of text, at most " .. MAX_LINE .. " bytes\n" }
      end
      append(line)
      return { status = 201, body = last .. "\n" }
    end,
  },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
