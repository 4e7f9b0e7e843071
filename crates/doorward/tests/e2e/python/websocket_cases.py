"""WebSocket conformance cases, in the sections of the Autobahn test suite: what a server says to each.

The suite itself (autobahntestsuite 25.10.1) is written in Python 2, which no system brings any more.
This is its idea: every case is sent to the server alone and through the door, over HTTP/1.1 and over HTTP/2
(RFC 8441), and all must hear the same frames and the same end.

Arguments: `PORT_ALONE PORT_DOOR KEY [all]`. Prints one line of JSON.
"""
import hashlib
import json
import os
import socket
import struct
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor

import h2.config
import h2.connection
import h2.events
import h2.settings

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10
PATIENCE = 60
MASK = b"\x37\xfa\x21\x3d"


def masked(payload):
    if not payload:
        return payload
    key = int.from_bytes((MASK * (len(payload) // 4 + 1))[: len(payload)], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(len(payload), "big")


def frame(opcode, payload=b"", fin=True, rsv=0, mask=True):
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0x80 if mask else 0
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, bit | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, bit | 127, size)
    return head + (MASK + masked(payload) if mask else payload)


def close(code=1000, reason=b""):
    return frame(CLOSE, struct.pack("!H", code) + reason)


def fragments(opcode, payload, size):
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)] or [b""]
    last = len(pieces) - 1
    return b"".join(
        frame(opcode if n == 0 else CONTINUATION, piece, n == last) for n, piece in enumerate(pieces)
    )


def deflated(payload):
    packer = zlib.compressobj(wbits=-15)
    return (packer.compress(payload) + packer.flush(zlib.Z_SYNC_FLUSH))[:-4]


UTF8_GOOD = [
    "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!".encode(),
    "\u03ba\u1f79\u03c3\u03bc\u03b5".encode(),
    b"\x00", b"\x7f", b"\xc2\x80", b"\xdf\xbf", b"\xe0\xa0\x80", b"\xef\xbf\xbf", b"\xef\xbf\xbd",
    b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xed\x9f\xbf", b"\xee\x80\x80",
    b"\xef\xbb\xbf", b"\xef\xbf\xbe",
]
UTF8_BAD = [
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64",
    b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80", b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf",
    b"\xf4\x90\x80\x80", b"\x80", b"\xbf", b"\x80\xbf\x80", b"\xc0 ", b"\xe0 ", b"\xf0 ", b"\xc0",
    b"\xe0\x80", b"\xf0\x80\x80", b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfe", b"\xff",
    b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf", b"\xe0\x9f\xbf", b"\xf0\x8f\xbf\xbf",
    b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xed\xa0\x80\xed\xb0\x80",
]


def framing(every):
    for opcode, word in ((TEXT, b"*"), (BINARY, b"\xfe")):
        for size in (0, 125, 126, 127, 128, 65535, 65536):
            yield f"1.{opcode}.{size}", [frame(opcode, word * size)], 0
        yield f"1.{opcode}.chopped", [frame(opcode, word * 65536)], 997
        yield f"1.{opcode}.bytes", [frame(opcode, word * 130)], 1


def pings(every):
    for name, payload in (("empty", b""), ("text", b"Hello, world!"), ("125", b"\xfe" * 125), ("126", b"\xfe" * 126)):
        yield f"2.{name}", [frame(PING, payload)], 0
    yield "2.chopped", [frame(PING, b"\xfe" * 125)], 1
    yield "2.pong", [frame(PONG)], 0
    yield "2.pong.payload", [frame(PONG, b"unsolicited")], 0
    yield "2.pong.ping", [frame(PONG, b"u") + frame(PING, b"p")], 0
    yield "2.ten", [b"".join(frame(PING, b"payload-%d" % n) for n in range(10))], 0
    yield "2.ten.chopped", [b"".join(frame(PING, b"payload-%d" % n) for n in range(10))], 1


def reserved(every):
    hello = frame(TEXT, b"Hello, world!")
    for rsv in range(1, 8):
        yield f"3.{rsv}.text", [frame(TEXT, b"Hello, world!", rsv=rsv)], 0
        yield f"3.{rsv}.after", [hello + frame(TEXT, b"Hello", rsv=rsv) + frame(PING)], 0
        yield f"3.{rsv}.ping", [hello + frame(PING, b"p", rsv=rsv)], 1
        yield f"3.{rsv}.close", [frame(CLOSE, b"\x03\xe8", rsv=rsv)], 0
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield f"4.{opcode}.empty", [frame(opcode)], 0
        yield f"4.{opcode}.payload", [frame(opcode, b"reserved opcode payload")], 0
        yield f"4.{opcode}.after", [hello + frame(opcode, b"x") + frame(PING)], 0
        yield f"4.{opcode}.chopped", [hello + frame(opcode, b"x") + frame(PING)], 1


def fragmentation(every):
    first = frame(TEXT, b"fragment1", fin=False)
    middle = frame(CONTINUATION, b"fragment2", fin=False)
    last = frame(CONTINUATION, b"fragment3")
    cases = {
        "ping": [frame(PING, b"a", fin=False) + frame(CONTINUATION, b"b")],
        "pong": [frame(PONG, b"a", fin=False) + frame(CONTINUATION, b"b")],
        "close": [frame(CLOSE, b"\x03\xe8", fin=False)],
        "two": [first + last],
        "apart": [first, last],
        "with ping": [first + frame(PING, b"between") + last],
        "with pings": [first + frame(PING, b"1") + middle + frame(PING, b"2") + last],
        "nothing to continue": [last + frame(TEXT, b"Hello")],
        "nothing to go on with": [middle + frame(TEXT, b"Hello")],
        "twice": [first + last + last],
        "new in the middle": [first + frame(TEXT, b"new")],
        "binary in the middle": [first + frame(BINARY, b"new", fin=False) + last],
        "empty": [frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"", fin=False) + frame(CONTINUATION)],
        "empty and full": [frame(TEXT, b"", fin=False) + frame(CONTINUATION, b"m", fin=False) + frame(CONTINUATION)],
        "rsv in the middle": [first + frame(CONTINUATION, b"x", rsv=2)],
        "unmasked": [frame(TEXT, b"Hello", mask=False)],
    }
    for name, pieces in cases.items():
        for chop in (0, 1):
            yield f"5.{name}.{chop}", pieces, chop


def utf8(every):
    for n, text in enumerate(UTF8_GOOD):
        yield f"6.good.{n}", [frame(TEXT, text)], 0
        yield f"6.good.{n}.bytes", [fragments(TEXT, text, 1)], 0
    for n, text in enumerate(UTF8_BAD):
        yield f"6.bad.{n}", [frame(TEXT, text)], 0
        yield f"6.bad.{n}.bytes", [fragments(TEXT, text, 1)], 0
        if every:
            yield f"6.bad.{n}.chopped", [frame(TEXT, b"ok" + text + b"ok")], 1


def closing(every):
    good = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
    bad = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535)
    for code in good + bad:
        yield f"7.code.{code}", [close(code)], 0
        yield f"7.reason.{code}", [close(code, b"good bye")], 1
    hello = frame(TEXT, b"Hello")
    cases = {
        "after": [hello + close()],
        "two": [close() + close()],
        "then ping": [close() + frame(PING, b"x")],
        "then text": [close() + hello],
        "in the middle": [frame(TEXT, b"a", fin=False) + close() + frame(CONTINUATION, b"b")],
        "large": [frame(BINARY, b"x" * 262144) + close() + frame(PING)],
        "empty": [frame(CLOSE)],
        "one byte": [frame(CLOSE, b"a")],
        "123": [close(1000, b"*" * 123)],
        "124": [close(1000, b"*" * 124)],
        "bad utf8": [close(1000, UTF8_BAD[0])],
    }
    for name, pieces in cases.items():
        yield f"7.{name}", pieces, 0


def limits(every):
    kib = 1024
    sizes = (64, 256, 1024, 4096, 8192, 16384) if every else (64, 1024)
    for opcode in (TEXT, BINARY):
        for size in sizes:
            payload = b"*" * (size * kib)
            yield f"9.{opcode}.{size}", [frame(opcode, payload)], 0
        whole = b"*" * (4096 * kib if every else 256 * kib)
        for size in (64, 256, 1024, 4096, 16384, 65536, 262144):
            if every or size >= 1024:
                yield f"9.{opcode}.fragments.{size}", [fragments(opcode, whole, size)], 0
        for chop in (64, 128, 256, 512, 1024, 2048) if every else (512,):
            yield f"9.{opcode}.chopped.{chop}", [frame(opcode, b"*" * (1024 * kib if every else 64 * kib))], chop
    for count, size in ((1000, 0), (1000, 16), (1000, 256), (1000, 4096)) if every else ((200, 16),):
        yield f"9.many.{count}.{size}", [b"".join(frame(TEXT, b"*" * size) for _ in range(count))], 0
    for size in (1000, 1300, 65536) if every else (1300,):
        yield f"10.{size}", [fragments(TEXT, b"*" * 65536, size)], 0


def compression(every):
    for n in range(18 if every else 6):
        size = 16 << n if n < 14 else 131072
        for kind, payload in (("zeros", bytes(size)), ("random", os.urandom(size) if size <= 131072 else b"")):
            yield f"12.{kind}.{n}", [frame(BINARY, deflated(payload), rsv=4)], 0
    text = deflated(b"Hello, world! " * 100)
    yield "12.fragments", [
        frame(TEXT, text[:10], fin=False, rsv=4) + frame(CONTINUATION, text[10:])
    ], 0
    yield "12.rsv on a continuation", [
        frame(TEXT, text[:10], fin=False, rsv=4) + frame(CONTINUATION, text[10:], rsv=4)
    ], 0
    yield "12.not deflate", [frame(TEXT, b"\xff\xff\xff\xff", rsv=4)], 0
    yield "12.not compressed", [frame(TEXT, b"as it is")], 0


def cases(every):
    for section in (framing, pings, reserved, fragmentation, utf8, closing, limits):
        for name, pieces, chop in section(every):
            yield name, pieces, chop, ""
    for name, pieces, chop in compression(every):
        yield name, pieces, chop, "permessage-deflate; client_no_context_takeover; server_no_context_takeover"


class Plain:
    """A WebSocket over HTTP/1.1."""

    def __init__(self, port, key, extensions):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = [
            "GET /ws HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket",
            "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        if key:
            lines.append(f"X-API-Key: {key}")
        if extensions:
            lines.append(f"Sec-WebSocket-Extensions: {extensions}")
        self.socket.sendall("\r\n".join(lines + ["", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            byte = self.socket.recv(1)
            if not byte:
                raise ConnectionError(head)
            head += byte
        lines = head.decode().lower().split("\r\n")
        assert " 101 " in lines[0], head
        assert "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=" in lines, head
        self.agreed = next((line for line in lines if line.startswith("sec-websocket-extensions")), "")

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        try:
            return self.socket.recv(65536)
        except ConnectionResetError:
            return b""

    def close(self):
        self.socket.close()


class Extended:
    """A WebSocket over HTTP/2: an extended CONNECT on a connection of its own."""

    def __init__(self, port, key, extensions):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lock = threading.Condition()
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False)
        self.http = h2.connection.H2Connection(config)
        self.http.initiate_connection()
        self.came = []
        self.head = None
        self.over = False
        self.flush()
        threading.Thread(target=self.read, daemon=True).start()
        with self.lock:
            protocol = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
            self.wait(lambda: self.http.remote_settings.get(protocol, 0) == 1)
            headers = [
                (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"),
                (":authority", "a"), ("sec-websocket-version", "13"), ("x-api-key", key),
            ]
            if extensions:
                headers.append(("sec-websocket-extensions", extensions))
            self.http.send_headers(1, headers)
            self.flush()
            self.wait(lambda: self.head)
        assert self.head[":status"] == "200", self.head
        assert "sec-websocket-accept" not in self.head, self.head
        agreed = self.head.get("sec-websocket-extensions")
        self.agreed = f"sec-websocket-extensions: {agreed}" if agreed else ""

    def flush(self):
        self.socket.sendall(self.http.data_to_send())

    def wait(self, until):
        assert self.lock.wait_for(lambda: until() or self.over, PATIENCE), "nothing came"

    def read(self):
        while True:
            try:
                data = self.socket.recv(65536)
            except OSError:
                data = b""
            with self.lock:
                for event in self.http.receive_data(data) if data else ():
                    self.take(event)
                if not data:
                    self.over = True
                else:
                    try:
                        self.flush()
                    except OSError:
                        self.over = True
                self.lock.notify_all()
            if not data:
                return

    def take(self, event):
        if isinstance(event, h2.events.ResponseReceived):
            self.head = dict(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            self.came.append(event.data)
            if event.flow_controlled_length:
                self.http.acknowledge_received_data(event.flow_controlled_length, 1)
        elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset, h2.events.ConnectionTerminated)):
            self.over = True

    def send(self, data):
        view = memoryview(data)
        while view:
            with self.lock:
                room = lambda: min(self.http.local_flow_control_window(1), self.http.max_outbound_frame_size)
                self.wait(lambda: room() > 0)
                if self.over:
                    raise ConnectionResetError
                size = min(room(), len(view))
                self.http.send_data(1, bytes(view[:size]))
                self.flush()
            view = view[size:]

    def receive(self):
        with self.lock:
            self.wait(lambda: self.came)
            data = b"".join(self.came)
            self.came.clear()
            return data

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def heard(way, port, key, pieces, chop, extensions):
    """Sends a case and a Ping that ends it; the frames that came."""
    line = way(port, key, extensions)
    try:
        sending = threading.Thread(target=send, args=(line, pieces, chop))
        sending.start()
        frames = listen(line)
        sending.join()
        return [line.agreed] + frames
    finally:
        line.close()


def send(line, pieces, chop):
    try:
        for piece in pieces:
            size = chop or len(piece) or 1
            for at in range(0, len(piece), size):
                line.send(piece[at : at + size])
        line.send(frame(PING, b"the end"))
        line.send(close(1000, b"the end"))
    except OSError:
        pass


def listen(line):
    """The frames up to a Close or the end, a message put together from its fragments."""
    data = b""
    frames = []
    message = hashlib.sha256()
    while True:
        while (taken := take(data)) is not None:
            first, payload, size = taken
            data = data[size:]
            if first & 0x0F >= 8:
                # How far a server had read when it found a mistake is in its words, not in its code.
                if first & 0x0F == CLOSE and payload[:2] in (b"\x03\xea", b"\x03\xef"):
                    payload = payload[:2]
                frames.append([first, payload.hex()])
            else:
                message.update(payload)
                if first & 0x80:
                    frames.append([first, message.hexdigest()])
                    message = hashlib.sha256()
            if first & 0x0F == CLOSE:
                rest = data
                while more := line.receive():
                    rest += more
                return frames + [f"closed after {len(rest)} bytes"]
        more = line.receive()
        if not more:
            return frames + [f"broken off within {len(data)} bytes"]
        data += more


def take(data):
    if len(data) < 2:
        return None
    size, at = data[1] & 0x7F, 2
    if size == 126:
        at = 4
    elif size == 127:
        at = 10
    if len(data) < at:
        return None
    if at > 2:
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        return None
    return data[0], data[at : at + size], at + size


def main():
    alone, door, key = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    every = sys.argv[4:] == ["all"]
    ways = {"alone": (Plain, alone, ""), "http1": (Plain, door, key), "http2": (Extended, door, key)}

    def judge(case):
        name, pieces, chop, extensions = case
        said = {}
        for way, (kind, port, credential) in ways.items():
            try:
                said[way] = heard(kind, port, credential, pieces, chop, extensions)
            except Exception as error:
                said[way] = repr(error)
        return name, said

    different, ends = {}, {}
    count = 0
    with ThreadPoolExecutor(4) as pool:
        for name, said in pool.map(judge, cases(every)):
            count += 1
            if any(other != said["alone"] for other in said.values()):
                different[name] = said
            end = said["alone"][-2] if isinstance(said["alone"], list) and len(said["alone"]) > 2 else "none"
            word = end[1][:4] if isinstance(end, list) and end[0] == 0x88 else "no close"
            ends[word] = ends.get(word, 0) + 1
    print(json.dumps({"cases": count, "different": different, "closed_with": ends}))


main()
