"""Sends messages to a WebSocket until one is too large: URL, key, sizes. Prints what happened."""
import json
import sys

import websockets.sync.client
from websockets.exceptions import ConnectionClosed

url, key, sizes = sys.argv[1], sys.argv[2], [int(size) for size in sys.argv[3:]]
came = []
with websockets.sync.client.connect(
    url, additional_headers={"X-API-Key": key}, compression=None, proxy=None, max_size=None
) as line:
    try:
        for size in sizes:
            # In frames of a thousand bytes.
            line.send(b"x" * min(1000, size - at) for at in range(0, size, 1000))
            came.append(len(line.recv(60)))
        print(json.dumps({"came": came, "code": None}))
    except ConnectionClosed as closed:
        print(json.dumps({"came": came, "code": closed.rcvd and closed.rcvd.code}))
