"""Subprotocols, origins and headers in the handshake, as the `websockets` package sees them."""

import sys
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

port = sys.argv[1]


def address(path):
    return f"ws://127.0.0.1:{port}{path}"


for offered, chosen in [(["v1", "v2"], "v2"), (["v1"], "v1"), (["v3", "v1"], "v1"), (["v3"], None), (None, None)]:
    with connect(address("/protocol"), subprotocols=offered, proxy=None) as socket:
        assert socket.subprotocol == chosen, (offered, socket.subprotocol)
        assert socket.recv() == ("nil" if chosen is None else chosen)

with connect(address("/origin"), origin="http://good.example", proxy=None) as socket:
    socket.send("let in")
    assert socket.recv() == "let in"
for origin in ["http://evil.example", "http://good.example.evil", "https://good.example", "http://good.example:81", "null"]:
    try:
        connect(address("/origin"), origin=origin, proxy=None)
        raise SystemExit(f"{origin} was let in")
    except InvalidStatus as refused:
        assert refused.response.status_code == 403, (origin, refused.response.status_code)

with connect(address("/headers"), proxy=None) as socket:
    assert socket.response.headers["X-One"] == "1"
    assert socket.response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]

print("ok")
