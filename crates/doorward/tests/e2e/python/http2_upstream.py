"""An HTTP/2 server that answers whole requests. Prints its port, then a line of JSON for every
request whose body has ended or broken off: how many bytes came, and whether that was the end.

Ends when stdin closes.
"""
import json
import socket
import sys
import threading

import h2.config
import h2.connection
import h2.events

said = threading.Lock()


def serve(line):
    http = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    http.initiate_connection()
    line.sendall(http.data_to_send())
    bodies = {}

    def tell(stream, ended):
        with said:
            print(json.dumps({"bytes": bodies.pop(stream, 0), "ended": ended}), flush=True)

    try:
        while data := line.recv(65536):
            for event in http.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    bodies[event.stream_id] = 0
                elif isinstance(event, h2.events.DataReceived):
                    bodies[event.stream_id] += len(event.data)
                    http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, h2.events.StreamEnded):
                    tell(event.stream_id, True)
                    http.send_headers(event.stream_id, [(":status", "200")], end_stream=True)
                elif isinstance(event, h2.events.StreamReset):
                    tell(event.stream_id, False)
            line.sendall(http.data_to_send())
    except OSError:
        pass
    for stream in list(bodies):
        tell(stream, False)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
