-- A chat over WebSockets, with the page to use it. Try it in two windows of a browser:
--   tidelock run --allow-listen=8080 examples/chat.lua 8080
-- and open http://127.0.0.1:8080/ in both. Typing /quit leaves with a close code and a reason, which the
-- page shows. The argument is the port; without it, 8080.

local port = tonumber(arg[1]) or 8080

local HISTORY = 20 -- messages that a newcomer is shown
local OUTBOX = 100 -- lines that may wait for a slow client
local MAX_NAME = 24 -- characters
local MAX_TEXT = 2000 -- bytes

-- Close codes from 4000 on are for applications to choose.
local LEFT, NAME_TAKEN, TOO_SLOW = 4001, 4002, 4003

local members = {} -- name -> member
local history = {}

-- Writes what waits for a member, oldest first. `write` waits while the client is slow; that is why each
-- member has a task of its own for it, which ends when nothing is left to write.
local function write_outbox(member)
  while member.outbox[1] do
    member.conn:write(table.remove(member.outbox, 1))
  end
  member.writing = false
end

-- Gives a member a line, without ever waiting for that member.
local function post(member, line)
  if #member.outbox >= OUTBOX then
    if not member.dropped then
      member.dropped = true
      async.spawn(pcall, member.conn.close, member.conn, TOO_SLOW, "you read too slowly")
    end
    return
  end
  member.outbox[#member.outbox + 1] = line
  if not member.writing then
    member.writing = true
    -- Writing to a client that has gone raises; its own handler notices that too, and cleans up.
    async.spawn(pcall, write_outbox, member)
  end
end

local function post_to_all(event)
  local line = json.encode(event)
  for _, member in pairs(members) do
    post(member, line)
  end
  return line
end

local function say(name, text)
  history[#history + 1] = post_to_all({ kind = "message", name = name, text = text, time = time() })
  if #history > HISTORY then
    table.remove(history, 1)
  end
end

-- The life of one connection.
local function chat(conn, name)
  if members[name] then
    return conn:close(NAME_TAKEN, "somebody here is called " .. name)
  end
  local member = { conn = conn, outbox = {}, writing = false }
  for _, line in ipairs(history) do
    post(member, line)
  end
  members[name] = member
  post_to_all({ kind = "joined", name = name })
  print(name .. " joined")
  -- However this function ends, by a close, a lost connection or an error: the others are told.
  local leaving <close> = setmetatable({}, {
    __close = function()
      members[name] = nil
      post_to_all({ kind = "left", name = name })
      print(name .. " left")
    end,
  })

  while true do
    local text, kind = conn:read()
    if not text then
      return -- closed by the client, or lost
    elseif kind == "binary" then
      return conn:close(1003, "only text is understood here")
    elseif text == "/quit" then
      return conn:close(LEFT, "goodbye, " .. name)
    elseif #text > MAX_TEXT then
      post(member, json.encode({ kind = "notice", text = "A message has at most " .. MAX_TEXT .. " bytes." }))
    elseif text:find("%S") then
      say(name, text)
      sleep(0) -- messages may be there already: the writers have their turn before the next one
    end
  end
end

-- A name that can be shown on one line, or nil.
local function valid_name(name)
  local length = name and utf8.len(name)
  if length and length >= 1 and length <= MAX_NAME and name:find("%S") and not name:find("%c") then
    return name
  end
end

-- The page: what it gets from others it shows as text, never as HTML.
local page = [==[
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Chat</title>
<style>
  :root {
    color-scheme: light dark;
    --back: light-dark(#f4f5f8, #14161b); --front: light-dark(#1d2129, #e8eaf0);
    --card: light-dark(#fff, #1f232b); --line: light-dark(#dfe2ea, #333946);
    --quiet: light-dark(#5d6573, #98a1b2); --accent: light-dark(#3454d1, #8ea5ff);
    --on-accent: light-dark(#fff, #10131c); --alarm: light-dark(#b3261e, #ff9d94);
  }
  * { box-sizing: border-box; }
  body {
    margin: 0; height: 100dvh; display: flex; flex-direction: column;
    font: 16px/1.45 system-ui, sans-serif; color: var(--front); background: var(--back);
  }
  header, main, footer { width: 100%; max-width: 44rem; margin: 0 auto; padding: 0 1rem; }
  header { display: flex; align-items: center; justify-content: space-between; padding-block: .9rem; }
  h1 { margin: 0; font-size: 1.2rem; letter-spacing: -.01em; }
  #status { font-size: .875rem; color: var(--quiet); text-align: right; }
  #status::before {
    content: ""; display: inline-block; width: .55rem; height: .55rem; margin-right: .45rem;
    border-radius: 50%; background: var(--quiet);
  }
  #status.open::before { background: #2e9e5b; }
  #status.closed { color: var(--alarm); }
  #status.closed::before { background: currentColor; }
  main { flex: 1; overflow-y: auto; scrollbar-width: thin; }
  #log { list-style: none; margin: 0; padding: .25rem 0 1rem; display: flex; flex-direction: column; gap: .6rem; }
  #log li { max-width: 85%; align-self: flex-start; overflow-wrap: anywhere; }
  #log .message {
    padding: .5rem .8rem; border: 1px solid var(--line); border-radius: .3rem 1rem 1rem 1rem;
    background: var(--card); white-space: pre-wrap;
  }
  #log .own {
    align-self: flex-end; border-radius: 1rem .3rem 1rem 1rem;
    color: var(--on-accent); background: var(--accent); border-color: transparent;
  }
  #log .head { display: flex; gap: .6rem; align-items: baseline; font-size: .8rem; white-space: normal; }
  #log .name { font-weight: 650; }
  #log time { color: var(--quiet); }
  #log .own time { color: inherit; opacity: .8; }
  #log .line { align-self: center; color: var(--quiet); font-size: .875rem; text-align: center; }
  form { display: flex; gap: .6rem; padding: .9rem 0; }
  footer form { border-top: 1px solid var(--line); }
  input, button { font: inherit; padding: .6rem .9rem; border-radius: .7rem; border: 1px solid var(--line); }
  input { flex: 1; min-width: 0; color: inherit; background: var(--card); }
  button { border-color: transparent; color: var(--on-accent); background: var(--accent); cursor: pointer; font-weight: 600; }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
  .hint { margin: -.3rem 0 .9rem; color: var(--quiet); font-size: .8rem; }
  [hidden] { display: none !important; }
</style>
</head>
<body>
<header>
  <h1>Chat</h1>
  <div id="status" role="status">not connected</div>
</header>
<main id="scroll" tabindex="0" aria-label="Messages">
  <ol id="log" role="log"></ol>
</main>
<footer>
  <form id="join">
    <input id="name" aria-label="Your name" placeholder="Your name" maxlength="24" required autocomplete="nickname" autofocus>
    <button>Join</button>
  </form>
  <form id="write" hidden>
    <input id="text" aria-label="Message" placeholder="Write a message" maxlength="500" required autocomplete="off">
    <button>Send</button>
  </form>
  <p class="hint" id="hint" hidden>Type <code>/quit</code> to leave.</p>
</footer>
<script>
  const find = id => document.getElementById(id);
  let socket, own;

  function show(status, text) {
    const open = status === "open";
    find("status").className = status;
    find("status").textContent = text;
    find("join").hidden = open || status === "waiting";
    find("write").hidden = find("hint").hidden = !open;
    find(open ? "text" : "name").focus();
  }

  function element(tag, name, text) {
    const made = document.createElement(tag);
    made.className = name;
    made.textContent = text;
    return made;
  }

  function add(item) {
    find("log").append(item);
    find("scroll").scrollTop = find("scroll").scrollHeight;
  }

  function receive(event) {
    if (event.kind === "message") {
      const isOwn = event.name === own;
      const item = element("li", isOwn ? "message own" : "message", "");
      const head = element("div", "head", "");
      const when = new Date(event.time * 1000);
      const time = element("time", "", when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
      time.dateTime = when.toISOString();
      head.append(element("span", "name", isOwn ? "You" : event.name), time);
      item.append(head, element("div", "text", event.text));
      add(item);
    } else if (event.kind === "notice") {
      add(element("li", "line", event.text));
    } else {
      add(element("li", "line", `${event.name} ${event.kind}`));
    }
  }

  find("join").onsubmit = submit => {
    submit.preventDefault();
    own = find("name").value.trim();
    find("log").replaceChildren();
    show("waiting", "connecting");
    socket = new WebSocket(`${location.origin.replace("http", "ws")}/chat?name=${encodeURIComponent(own)}`);
    socket.onopen = () => show("open", `connected as ${own}`);
    socket.onmessage = message => receive(JSON.parse(message.data));
    socket.onclose = close => {
      const reason = close.reason || (close.wasClean ? "closed" : "connection lost");
      show("closed", `${reason} (${close.code})`);
    };
  };

  find("write").onsubmit = submit => {
    submit.preventDefault();
    socket.send(find("text").value);
    find("text").value = "";
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

    ["/chat"] = function(req)
      local name = valid_name(req.params.name)
      if not name then
        return { status = 400, body = "a name has 1 to " .. MAX_NAME .. " characters\n" }
      end
      return {
        ws = function(conn) chat(conn, name) end,
        -- Any page may open a WebSocket to any server: only this server's own page is let in.
        origins = { "http://" .. req.headers.host, "https://" .. req.headers.host },
      }
    end,
  },
}, {
  on_listen = function(server) print("listening on http://" .. server.addr .. "/") end,
})
