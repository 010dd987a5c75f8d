"""Close codes of the `websockets` package, both ways; what the script saw is for the caller to check."""

import sys
from socket import SHUT_RDWR
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

port = sys.argv[1]


def closed_by_server(path, messages=()):
    with connect(f"ws://127.0.0.1:{port}{path}", proxy=None) as socket:
        try:
            for message in messages:
                socket.send(message)
            while True:
                socket.recv(timeout=60)
        except ConnectionClosed as closed:
            assert closed.rcvd is not None, "the server closed without a close frame"
            return closed.rcvd.code, closed.rcvd.reason


assert closed_by_server("/close") == (4321, "enough ✓")
assert closed_by_server("/return") == (1000, "")
assert closed_by_server("/fail")[0] == 1011
assert closed_by_server("/echo", [["y" * 2**18] * 4 + ["y"]])[0] == 1009
assert closed_by_server("/echo", ["y" * (2**20 + 1)])[0] == 1009

for code, reason in [(1000, ""), (4000, "bye ✓"), (1001, "x" * 123)]:
    with connect(f"ws://127.0.0.1:{port}/echo", proxy=None) as socket:
        socket.close(code, reason)
        assert socket.close_code == code, "the server answers with the same code"

# A close while the script is not reading is answered too, and so is a ping.
with connect(f"ws://127.0.0.1:{port}/deaf", proxy=None, close_timeout=60) as socket:
    assert socket.ping().wait(60)
    socket.close(4001, "nobody reads")
    assert socket.close_code == 4001

# A connection that is just cut.
with connect(f"ws://127.0.0.1:{port}/echo", proxy=None) as socket:
    socket.socket.shutdown(SHUT_RDWR)

print("ok")
