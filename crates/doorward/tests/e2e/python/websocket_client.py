"""Calls a WebSocket through the door: URL, CA file, header. Prints what came back."""
import asyncio
import json
import os
import ssl
import sys

import websockets


async def main():
    url, ca, credential = sys.argv[1:4]
    tls = ssl.create_default_context(cafile=ca)
    headers = {"X-API-Key": credential} if credential else {}
    try:
        connecting = websockets.connect(
            url, ssl=tls, additional_headers=headers, max_size=None, proxy=None, open_timeout=30
        )
        async with connecting as socket:
            large = os.urandom(3_000_000)
            said = ["hello", "\N{SNOWMAN}" * 1000, large]
            same = []
            for message in said:
                await socket.send(message)
                same.append(await socket.recv() == message)
            waiter = await socket.ping()
            await asyncio.wait_for(waiter, 20)
        print(json.dumps({"same": same, "code": socket.close_code}))
    except websockets.exceptions.InvalidStatus as refused:
        print(json.dumps({"status": refused.response.status_code}))


asyncio.run(main())
