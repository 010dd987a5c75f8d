"""Server-sent events as the `httpx-sse` package reads them."""

import sys
import httpx
from httpx_sse import connect_sse

port = sys.argv[1]
client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60)

with connect_sse(client, "GET", "/events") as source:
    assert source.response.headers["content-type"].startswith("text/event-stream")
    assert source.response.headers["cache-control"] == "no-cache"
    events = [(event.event, event.data, event.id, event.retry) for event in source.iter_sse()]

assert events == [
    ("update", "one", "1", 1500),
    ("message", "only data", "1", None),
    ("message", "a\nb\nc\nd", "1", None),
    ("message", "grüße ✓ \U0001F30A", "1", None),
    ("table", '{"n":1}', "1", None),
    ("message", "", "2", None),
    ("message", " leading space: and a colon", "2", None),
], events

with connect_sse(client, "GET", "/events/fail") as source:
    stream = source.iter_sse()
    assert next(stream).data == "before"
    try:
        next(stream)
        raise SystemExit("a stream whose handler failed looks like one that ended")
    except httpx.RemoteProtocolError:
        pass

print("ok")
