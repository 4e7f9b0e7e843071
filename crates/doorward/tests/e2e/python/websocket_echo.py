"""A WebSocket server that says every message back, in order: what it says depends on nothing but
what it hears. After a mistake it says why, and hears nothing more.

Prints its port; ends when stdin closes.
"""
import socket
import sys
import threading

import wsproto
import wsproto.events as events
from wsproto.extensions import PerMessageDeflate


def answer(event, whole):
    """What is said to an event."""
    if isinstance(event, events.Request):
        return events.AcceptConnection(extensions=[PerMessageDeflate()])
    if isinstance(event, events.Ping):
        return event.response()
    if isinstance(event, events.CloseConnection):
        return event.response()
    if isinstance(event, events.Message):
        whole.append(event.data)
        if event.message_finished:
            data = whole[0][:0].join(whole)
            whole.clear()
            return events.Message(data)
    return None


def leave(line):
    """Ends without losing what was said: what still comes is read and dropped."""
    line.shutdown(socket.SHUT_WR)
    while line.recv(65536):
        pass


def serve(line):
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    server = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
    whole = []
    try:
        while data := line.recv(65536):
            try:
                server.receive_data(data)
                for event in server.events():
                    said = answer(event, whole)
                    if said is not None:
                        line.sendall(server.send(said))
                    if isinstance(event, events.CloseConnection):
                        return leave(line)
            except wsproto.utilities.RemoteProtocolError as error:
                hint = error.event_hint or events.CloseConnection(1002)
                line.sendall(server.send(hint))
                return leave(line)
    except (OSError, wsproto.utilities.LocalProtocolError):
        pass
    finally:
        line.close()


listener = socket.create_server(("127.0.0.1", 0), backlog=128)
print(listener.getsockname()[1], flush=True)


def accept():
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()


threading.Thread(target=accept, daemon=True).start()
sys.stdin.read()
