"""`make bench`: what an idle event stream and an idle WebSocket cost the server's process.

5,000 of each are opened on one instance and left alone. The figures are of the resident memory of the whole
process; what the script's own heap has of it (a coroutine, a closure and a table each) is said beside them.
"""

import json
import resource
import socket
import subprocess
import sys

TIDELOCK = "target/release/tidelock"
COUNT = 5000
WARM = 500

SERVER = """
local open = 0
local function counted()
  open = open + 1
  return setmetatable({}, { __close = function() open = open - 1 end })
end
http.serve(0, { GET = {
  ["/sse"] = function()
    return { sse = function(send)
      local here <close> = counted()
      sleep(1e6)
    end }
  end,
  ["/ws"] = function()
    return { ws = function(conn)
      local here <close> = counted()
      conn:read()
    end }
  end,
  ["/state"] = function()
    collectgarbage()
    return { json = { open = open, heap = collectgarbage("count") } }
  end,
} }, { on_listen = function(s) print(s.port) end })
"""

SSE = b"GET /sse HTTP/1.1\r\nHost: bench\r\n\r\n"
WEBSOCKET = (
    b"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Server:
    def __init__(self):
        command = [TIDELOCK, "eval", "--allow-listen=0", f"--max-connections={3 * COUNT}", SERVER]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def resident(self):
        """Bytes of memory the process has."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS:"))

    def state(self):
        """How many handlers run, and the kilobytes of the script's heap."""
        with self.connect(b"GET /state HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n") as client:
            answer = b""
            while piece := client.recv(4096):
                answer += piece
        return json.loads(answer.split(b"\r\n\r\n", 1)[1])

    def connect(self, request):
        client = socket.create_connection(("127.0.0.1", self.port))
        client.sendall(request)
        return client

    def open(self, request, count):
        """Opens idle connections, and returns when each has its head and its handler runs."""
        clients, already = [], self.state()["open"]
        for _ in range(count):
            client = self.connect(request)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    sys.exit(f"the server closed connection {len(clients) + 1}: {head!r}")
                head += piece
            if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 101")):
                sys.exit(f"connection {len(clients) + 1} was refused: {head!r}")
            clients.append(client)
        self.wait_for(already + count)
        return clients

    def wait_for(self, count):
        while self.state()["open"] != count:
            pass


def close(clients):
    for client in clients:
        client.close()


def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < 3 * COUNT:
        sys.exit(f"this needs {3 * COUNT} open files; the limit is {most} (ulimit -Hn)")
    server = Server()
    try:
        # What is made once, and what allocators keep, is no connection's.
        for request in (SSE, WEBSOCKET):
            close(server.open(request, WARM))
            server.wait_for(0)
        kept = []
        for name, request in (("event streams", SSE), ("WebSockets", WEBSOCKET)):
            memory, heap = server.resident(), server.state()["heap"]
            kept += server.open(request, COUNT)
            memory, heap = server.resident() - memory, server.state()["heap"] - heap
            print(f"{COUNT:,} idle {name}: {memory / COUNT:,.0f} bytes each, "
                  f"of which {heap * 1024 / COUNT:,.0f} in the script's heap")
        close(kept)
        server.wait_for(0)
        print(f"all closed again: {server.resident() / 2**20:.1f} MiB")
    finally:
        server.process.kill()
        server.process.wait()


main()
