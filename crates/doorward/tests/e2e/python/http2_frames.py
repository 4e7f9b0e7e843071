"""HTTP/2 conformance, frame by frame (RFC 9113, RFC 7541), after the sections of h2spec.

h2spec has no package. Frames are written by hand, read with hyperframe and hpack. Every case says
how the server has to end: the stream, with an error code, or the connection. A stream's error may
be answered with a connection's (RFC 9113 section 5.4.1). The library that speaks HTTP/2 says
PROTOCOL_ERROR in many places where the standard names a more exact code; those are counted apart.

Arguments: `PORT PATH KEY`. Prints one line of JSON.
"""
import json
import socket
import struct
import sys
from concurrent.futures import ThreadPoolExecutor

import hpack
import hyperframe.frame

PORT, PATH, KEY = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITIZED = 1, 1, 4, 8, 0x20
NO, PROTOCOL, INTERNAL, FLOW, TIMEOUT, CLOSED, SIZE, REFUSED, CANCEL, COMPRESSION = range(10)
ENHANCE = 11
PATIENCE = 30


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return struct.pack("!I", size)[1:] + struct.pack("!BBI", kind, flags, stream) + payload


def block(*fields):
    """A header block without the dynamic table: what is not said here is not allowed."""
    out = b""
    for name, value in fields:
        out += b"\x00"
        for text in (name, value):
            text = text if isinstance(text, bytes) else text.encode()
            assert len(text) < 127
            out += bytes([len(text)]) + text
    return out


def ask(*more, method="GET", without=(), first=()):
    fields = [(":method", method), (":scheme", "http"), (":path", PATH), (":authority", "a")]
    fields = [field for field in fields if field[0] not in without]
    return block(*first, *fields, ("x-api-key", KEY), *more)


def get(stream=1, *more, **how):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, ask(*more, **how))


def post(stream=1, *more, **how):
    return frame(HEADERS, END_HEADERS, stream, ask(*more, method="POST", **how))


def setting(key, value):
    return struct.pack("!HI", key, value)


STREAM = lambda *codes: ("stream", set(codes))
CONNECTION = lambda *codes: ("connection", set(codes))
GOOD = ("good", None)
# The library lets these pass, and what is wrong about them goes no further.
LAX = ("lax", None)
REFUSE = ("refused", None)

CASES = {
    # 3.4 preface
    "3.4 a preface that is none": (b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + frame(SETTINGS), ("gone", None)),
    "3.4 no SETTINGS after the preface": (PREFACE + frame(PING, 0, 0, bytes(8)) + get(), LAX),
    # 4.1, 4.2 frames
    "4.1 an unknown frame is ignored": (frame(0x77, 0xFF, 0, b"x" * 8) + get(), GOOD),
    "4.1 unknown flags are ignored": (frame(PING, 0x16, 0, bytes(8)) + get(), GOOD),
    "4.1 the reserved bit is ignored": (frame(PING, 0, 0x80000000, bytes(8)) + get(), GOOD),
    "4.2 the largest DATA": (post() + frame(DATA, END_STREAM, 1, bytes(16384)), GOOD),
    "4.2 a larger DATA": (post() + frame(DATA, END_STREAM, 1, bytes(16385)), STREAM(SIZE)),
    "4.2 a larger HEADERS": (frame(HEADERS, 5, 1, bytes(16385)), CONNECTION(SIZE)),
    "4.2 a larger SETTINGS": (frame(SETTINGS, 0, 0, setting(2, 0) * 2731), CONNECTION(SIZE)),
    "4.2 a length beyond everything": (frame(DATA, 0, 1, b"", 0xFFFFFF), CONNECTION(SIZE)),
    # 4.3 header compression
    "4.3 a block that is none": (frame(HEADERS, 5, 1, b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), CONNECTION(COMPRESSION)),
    "4.3 PRIORITY inside a block": (
        frame(HEADERS, END_STREAM, 1, ask()) + frame(PRIORITY, 0, 1, struct.pack("!IB", 0, 1)) + frame(CONTINUATION, END_HEADERS, 1),
        CONNECTION(PROTOCOL)),
    "4.3 another stream's HEADERS inside a block": (frame(HEADERS, END_STREAM, 1, ask()) + get(3), CONNECTION(PROTOCOL)),
    "7541 2.3.3 an index that is not there": (frame(HEADERS, 5, 1, ask() + b"\xff\x20"), CONNECTION(COMPRESSION)),
    "7541 4.2 a table size in the middle": (frame(HEADERS, 5, 1, ask() + b"\x20"), CONNECTION(COMPRESSION)),
    "7541 5.2 padding of more than 7 bits": (frame(HEADERS, 5, 1, ask() + b"\x00\x81\xff\x81\xff"), CONNECTION(COMPRESSION)),
    "7541 5.2 padding that is not ones": (frame(HEADERS, 5, 1, ask() + b"\x00\x81\x18\x81\x18"), CONNECTION(COMPRESSION)),
    "7541 5.2 the end of string in a string": (frame(HEADERS, 5, 1, ask() + b"\x00\x84\xff\xff\xff\xff\x81\x1f"), CONNECTION(COMPRESSION)),
    "7541 6.1 index 0": (frame(HEADERS, 5, 1, b"\x80" + ask()), CONNECTION(COMPRESSION)),
    "7541 6.3 a table larger than agreed": (frame(HEADERS, 5, 1, b"\x3f\xe1\xff\x03" + ask()), CONNECTION(COMPRESSION)),
    # 5.1 streams
    "5.1 idle: DATA": (frame(DATA, END_STREAM, 1, b"x"), CONNECTION(PROTOCOL)),
    "5.1 idle: RST_STREAM": (frame(RST, 0, 1, struct.pack("!I", CANCEL)), CONNECTION(PROTOCOL)),
    "5.1 idle: WINDOW_UPDATE": (frame(WINDOW, 0, 1, struct.pack("!I", 100)), CONNECTION(PROTOCOL)),
    "5.1 idle: CONTINUATION": (frame(CONTINUATION, END_HEADERS, 1, ask()), CONNECTION(PROTOCOL)),
    "5.1 half closed: DATA": (get() + frame(DATA, END_STREAM, 1, b"x"), STREAM(CLOSED)),
    "5.1 half closed: HEADERS": (get() + get(), STREAM(CLOSED, PROTOCOL)),
    "5.1 half closed: CONTINUATION": (get() + frame(CONTINUATION, END_HEADERS, 1, ask()), CONNECTION(PROTOCOL, CLOSED)),
    "5.1 closed: DATA after RST_STREAM": (
        post() + frame(RST, 0, 1, struct.pack("!I", CANCEL)) + frame(DATA, END_STREAM, 1, b"x"), STREAM(CLOSED)),
    "5.1 closed: HEADERS after RST_STREAM": (
        post() + frame(RST, 0, 1, struct.pack("!I", CANCEL)) + get(), STREAM(CLOSED, PROTOCOL)),
    "5.1.1 an even stream": (get(2), CONNECTION(PROTOCOL)),
    "5.1.1 a lower stream": (get(5) + get(3), CONNECTION(PROTOCOL, CLOSED)),
    "5.3.1 HEADERS that depend on themselves": (
        frame(HEADERS, 5 | PRIORITIZED, 1, struct.pack("!IB", 1, 1) + ask()), STREAM(PROTOCOL)),
    "5.3.1 PRIORITY that depends on itself": (frame(PRIORITY, 0, 1, struct.pack("!IB", 1, 1)), STREAM(PROTOCOL)),
    "5.5 an unknown frame inside a block": (
        frame(HEADERS, END_STREAM, 1, ask()) + frame(0x77, 0, 0) + frame(CONTINUATION, END_HEADERS, 1), CONNECTION(PROTOCOL)),
    # 6 frames one by one
    "6.1 DATA on stream 0": (frame(DATA, 0, 0, b"x"), CONNECTION(PROTOCOL)),
    "6.1 more padding than payload": (post() + frame(DATA, END_STREAM | PADDED, 1, b"\x09abc"), CONNECTION(PROTOCOL)),
    "6.1 padding and nothing else": (post() + frame(DATA, END_STREAM | PADDED, 1, b""), CONNECTION(SIZE, PROTOCOL)),
    "6.1 padded DATA": (post() + frame(DATA, END_STREAM | PADDED, 1, b"\x03abc" + bytes(3)), GOOD),
    "6.2 HEADERS on stream 0": (get(0), CONNECTION(PROTOCOL)),
    "6.2 more padding than payload in HEADERS": (frame(HEADERS, 5 | PADDED, 1, b"\xff" + ask()[:20]), CONNECTION(PROTOCOL)),
    "6.2 padded HEADERS": (frame(HEADERS, 5 | PADDED, 1, b"\x02" + ask() + bytes(2)), GOOD),
    "6.2 HEADERS with a priority": (frame(HEADERS, 5 | PRIORITIZED, 1, struct.pack("!IB", 0, 255) + ask()), GOOD),
    "6.3 PRIORITY on stream 0": (frame(PRIORITY, 0, 0, struct.pack("!IB", 1, 1)), CONNECTION(PROTOCOL)),
    "6.3 PRIORITY of four bytes": (post() + frame(PRIORITY, 0, 1, bytes(4)), STREAM(SIZE)),
    "6.4 RST_STREAM on stream 0": (frame(RST, 0, 0, struct.pack("!I", CANCEL)), CONNECTION(PROTOCOL)),
    "6.4 RST_STREAM of three bytes": (post() + frame(RST, 0, 1, bytes(3)), CONNECTION(SIZE)),
    "6.5 SETTINGS on a stream": (frame(SETTINGS, 0, 1, setting(3, 1)), CONNECTION(PROTOCOL)),
    "6.5 an acknowledgement with a payload": (frame(SETTINGS, ACK, 0, setting(3, 1)), CONNECTION(SIZE)),
    "6.5 SETTINGS of five bytes": (frame(SETTINGS, 0, 0, bytes(5)), CONNECTION(SIZE)),
    "6.5.2 ENABLE_PUSH of two": (frame(SETTINGS, 0, 0, setting(2, 2)), CONNECTION(PROTOCOL)),
    "6.5.2 a window of 2^31": (frame(SETTINGS, 0, 0, setting(4, 1 << 31)), CONNECTION(FLOW)),
    "6.5.2 frames of at most 16383": (frame(SETTINGS, 0, 0, setting(5, 16383)), CONNECTION(PROTOCOL)),
    "6.5.2 frames of at most 2^24": (frame(SETTINGS, 0, 0, setting(5, 1 << 24)), CONNECTION(PROTOCOL)),
    "6.5.2 an unknown setting": (frame(SETTINGS, 0, 0, setting(0xFF, 1)) + get(), GOOD),
    "6.5.2 many values of one setting": (frame(SETTINGS, 0, 0, setting(4, 100) + setting(4, 65535)) + get(), GOOD),
    "6.6 PUSH_PROMISE from a client": (
        post() + frame(PUSH, END_HEADERS, 1, struct.pack("!I", 2) + ask()), CONNECTION(PROTOCOL)),
    "6.7 PING on a stream": (frame(PING, 0, 1, bytes(8)), CONNECTION(PROTOCOL)),
    "6.7 PING of six bytes": (frame(PING, 0, 0, bytes(6)), CONNECTION(SIZE)),
    "6.7 an acknowledgement of nothing": (frame(PING, ACK, 0, b"whatever") + get(), GOOD),
    "6.8 GOAWAY on a stream": (frame(GOAWAY, 0, 1, bytes(8)), CONNECTION(PROTOCOL)),
    "6.9 a window that grows by nothing": (frame(WINDOW, 0, 0, bytes(4)), CONNECTION(PROTOCOL)),
    "6.9 a stream's window that grows by nothing": (post() + frame(WINDOW, 0, 1, bytes(4)), STREAM(PROTOCOL)),
    "6.9 WINDOW_UPDATE of three bytes": (frame(WINDOW, 0, 0, bytes(3)), CONNECTION(SIZE)),
    "6.9.1 a connection's window over 2^31-1": (
        frame(WINDOW, 0, 0, struct.pack("!I", 0x7FFFFFFF)) * 2, CONNECTION(FLOW)),
    "6.9.1 a stream's window over 2^31-1": (
        post() + frame(WINDOW, 0, 1, struct.pack("!I", 0x7FFFFFFF)) * 2, STREAM(FLOW)),
    "6.9.2 a window over 2^31-1 by SETTINGS": (
        post() + frame(WINDOW, 0, 1, struct.pack("!I", 0x7FFFFFFF - 65535)) + frame(SETTINGS, 0, 0, setting(4, 65536)), CONNECTION(FLOW)),
    "6.10 CONTINUATION on stream 0": (
        frame(HEADERS, END_STREAM, 1, ask()) + frame(CONTINUATION, END_HEADERS, 0), CONNECTION(PROTOCOL)),
    "6.10 CONTINUATION of another stream": (
        frame(HEADERS, END_STREAM, 1, ask()) + frame(CONTINUATION, END_HEADERS, 3), CONNECTION(PROTOCOL)),
    "6.10 CONTINUATION after the end of a block": (
        post() + frame(CONTINUATION, END_HEADERS, 1, block(("x", "y"))), CONNECTION(PROTOCOL)),
    "6.10 a block in many frames": (
        frame(HEADERS, END_STREAM, 1, ask()[:5]) + frame(CONTINUATION, 0, 1, ask()[5:6])
        + frame(CONTINUATION, 0, 1) + frame(CONTINUATION, END_HEADERS, 1, ask()[6:]), GOOD),
    "7 an unknown error code": (post() + frame(RST, 0, 1, struct.pack("!I", 0xFF)) + get(3), ("good on 3", None)),
    # 8.1 to 8.3 messages
    "8.1 a second HEADERS that does not end the stream": (
        post() + frame(HEADERS, END_HEADERS, 1, block(("x", "y"))), STREAM(PROTOCOL)),
    "8.1 trailers": (post() + frame(DATA, 0, 1, b"x") + frame(HEADERS, 5, 1, block(("x-sum", "1"))), GOOD),
    "8.1 a pseudo-header in trailers": (
        post() + frame(DATA, 0, 1, b"x") + frame(HEADERS, 5, 1, block((":path", "/"))), LAX),
    "8.1.1 less than content-length": (
        post(1, ("content-length", "5")) + frame(DATA, END_STREAM, 1, b"abc"), STREAM(PROTOCOL)),
    "8.1.1 more than content-length": (
        post(1, ("content-length", "2")) + frame(DATA, END_STREAM, 1, b"abc"), STREAM(PROTOCOL)),
    "8.1.1 no body and a content-length": (get(1, ("content-length", "5")), STREAM(PROTOCOL)),
    "8.2.1 an upper case name": (get(1, ("X-Upper", "1")), STREAM(PROTOCOL)),
    "8.2.1 a name with a space": (get(1, ("x y", "1")), STREAM(PROTOCOL)),
    "8.2.1 a name with a colon": (get(1, ("x:y", "1")), STREAM(PROTOCOL)),
    "8.2.1 an empty name": (get(1, ("", "1")), STREAM(PROTOCOL)),
    "8.2.1 a value with LF": (get(1, ("x", "a\nb")), STREAM(PROTOCOL)),
    "8.2.1 a value with CR": (get(1, ("x", "a\rb")), STREAM(PROTOCOL)),
    "8.2.1 a value with NUL": (get(1, ("x", "a\0b")), STREAM(PROTOCOL)),
    "8.2.2 connection": (get(1, ("connection", "keep-alive")), STREAM(PROTOCOL)),
    "8.2.2 keep-alive": (get(1, ("keep-alive", "1")), STREAM(PROTOCOL)),
    "8.2.2 proxy-connection": (get(1, ("proxy-connection", "keep-alive")), STREAM(PROTOCOL)),
    "8.2.2 transfer-encoding": (post(1, ("transfer-encoding", "chunked")), STREAM(PROTOCOL)),
    "8.2.2 upgrade": (get(1, ("upgrade", "h2c")), STREAM(PROTOCOL)),
    "8.2.2 te with something else": (get(1, ("te", "trailers, deflate")), STREAM(PROTOCOL)),
    "8.2.2 te": (get(1, ("te", "trailers")), GOOD),
    "8.3 an unknown pseudo-header": (get(1, first=[(":what", "1")]), STREAM(PROTOCOL)),
    "8.3 a pseudo-header of answers": (get(1, first=[(":status", "200")]), STREAM(PROTOCOL)),
    "8.3 a pseudo-header after others": (
        frame(HEADERS, 5, 1, block(("x", "y")) + ask()), STREAM(PROTOCOL)),
    "8.3.1 an empty path": (get(1, without=[":path"], first=[(":path", "")]), STREAM(PROTOCOL)),
    "8.3.1 no path": (get(1, without=[":path"]), STREAM(PROTOCOL)),
    "8.3.1 no method": (get(1, without=[":method"]), STREAM(PROTOCOL)),
    "8.3.1 no scheme": (get(1, without=[":scheme"]), STREAM(PROTOCOL)),
    "8.3.1 two methods": (get(1, first=[(":method", "GET")]), STREAM(PROTOCOL)),
    "8.3.1 two schemes": (get(1, first=[(":scheme", "http")]), STREAM(PROTOCOL)),
    "8.3.1 two paths": (get(1, first=[(":path", PATH)]), STREAM(PROTOCOL)),
    "8.3.1 two authorities": (get(1, first=[(":authority", "b")]), STREAM(PROTOCOL)),
    "8.3.1 authority and host differ": (get(1, ("host", "b")), REFUSE),
    "8.3.1 a path without a slash": (get(1, without=[":path"], first=[(":path", "x")]), REFUSE),
    "8.5 CONNECT": (
        frame(HEADERS, 5, 1, block((":method", "CONNECT"), (":authority", "a:80"), ("x-api-key", KEY))), REFUSE),
    "8.5 CONNECT with a path": (get(1, method="CONNECT"), STREAM(PROTOCOL)),
    "8441 4 a protocol without CONNECT": (get(1, first=[(":protocol", "websocket")]), STREAM(PROTOCOL)),
    "8441 4 another protocol": (
        frame(HEADERS, END_HEADERS, 1, ask(method="CONNECT", first=[(":protocol", "connect-ip")])), REFUSE),
}


def run(case):
    name, (sent, wanted) = case
    line = socket.create_connection(("127.0.0.1", PORT), timeout=PATIENCE)
    if not sent.startswith(b"PRI"):
        sent = PREFACE + frame(SETTINGS) + sent
    try:
        line.sendall(sent)
    except OSError:
        pass
    try:
        got = listen(line, wanted)
    except Exception as error:
        got = ("error", repr(error))
    line.close()
    return name, describe(wanted), judge(wanted, got), got


def listen(line, wanted):
    """How it ends: an answer, a reset stream, or the connection."""
    decoder = hpack.Decoder()
    data = b""
    target = 3 if wanted[0] == "good on 3" else 1
    answer = None
    while True:
        while len(data) >= 9:
            head, length = hyperframe.frame.Frame.parse_frame_header(memoryview(data[:9]))
            if len(data) < 9 + length:
                break
            head.parse_body(memoryview(data[9 : 9 + length]))
            data = data[9 + length :]
            if isinstance(head, hyperframe.frame.GoAwayFrame):
                return ("connection", head.error_code)
            if isinstance(head, hyperframe.frame.RstStreamFrame):
                # A server that has answered in full may let go of what is still coming.
                if answer and head.error_code == NO:
                    return answer
                return ("stream", head.error_code)
            if isinstance(head, hyperframe.frame.HeadersFrame):
                fields = dict(decoder.decode(head.data))
                if head.stream_id == target and ":status" in fields:
                    answer = ("answer", fields[":status"])
                    # An error that comes after an answer shows itself by what comes next.
                    if wanted[0] in ("good", "good on 3", "lax", "refused"):
                        return answer
        try:
            more = line.recv(65536)
        except ConnectionResetError:
            more = b""
        except TimeoutError:
            return answer or ("nothing", None)
        if not more:
            return ("gone", None)
        data += more


def describe(wanted):
    kind, codes = wanted
    return kind if codes is None else f"{kind} {sorted(codes)}"


def judge(wanted, got):
    kind, codes = wanted
    if kind in ("good", "good on 3", "lax"):
        return got[0] == "answer" and got[1] == "200"
    if kind == "refused":
        return got == ("answer", "400") or got[0] in ("stream", "connection")
    if kind == "gone":
        return got[0] in ("gone", "connection")
    kinds = ("stream", "connection") if kind == "stream" else ("connection",)
    return got[0] in kinds and got[1] in codes | {PROTOCOL}


def main():
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(run, CASES.items()))
    wrong = {name: f"wanted {wanted}, got {got}" for name, wanted, good, got in results if not good}
    exact = {name: codes for name, (_, (_, codes)) in CASES.items() if codes}
    inexact = [name for name, _, good, got in results if good and name in exact and got[1] not in exact[name]]
    print(json.dumps({"cases": len(results), "wrong": wrong, "inexact": len(inexact)}))


main()
