"""Texts, bytes, fragments and pings of the `websockets` package come back as they were."""

import sys
from websockets.sync.client import connect

port = sys.argv[1]

# permessage-deflate is offered, as this client always does, and must be left out of the answer.
with connect(f"ws://127.0.0.1:{port}/echo", proxy=None) as socket:
    assert "Sec-WebSocket-Extensions" not in socket.response.headers
    for message in ["", "hello", "grüße ✓ \U0001F30A", "x" * 200_000, b"", b"\x00\xff\xfe", bytes(range(256)) * 500]:
        socket.send(message)
        answer = socket.recv()
        assert answer == message and type(answer) is type(message), (message[:20], answer[:20])

    for fragments in [["one ", "", "two ", "gr", "üße"], [b"\xff", b"", b"\x00" * 70_000]]:
        socket.send(fragments)
        assert socket.recv() == type(fragments[0])().join(fragments)

    # As large as a message may be, which takes more than one frame.
    socket.send(["y" * 2**18] * 4)
    assert socket.recv() == "y" * 2**20

    assert socket.ping("are you there?").wait(60)
    socket.send("still here")
    assert socket.recv() == "still here"

with connect(f"ws://127.0.0.1:{port}/echo", proxy=None) as socket:
    for number in range(1000):
        socket.send(str(number))
    assert [socket.recv() for _ in range(1000)] == [str(number) for number in range(1000)]

print("ok")
