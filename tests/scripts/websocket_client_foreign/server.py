"""Sends messages back, closes when asked, and prints its port and how each connection ended."""

import asyncio
import ssl
import sys

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed


async def talk(connection):
    try:
        async for message in connection:
            if message == "in pieces":
                await connection.send(["in ", "", "pieces"])
            elif message == "ping me":
                await (await connection.ping(b"are you there?"))
                await connection.send("pong")
            elif message == "close":
                await connection.close(4002, "from the server")
            elif message == "vanish":
                connection.transport.abort()
                return
            else:
                await connection.send(message)
    except ConnectionClosed:
        pass
    print(connection.close_code, connection.close_reason, flush=True)


async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    async with serve(talk, "127.0.0.1", 0, ssl=context, subprotocols=["two"], compression="deflate") as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


asyncio.run(main())
