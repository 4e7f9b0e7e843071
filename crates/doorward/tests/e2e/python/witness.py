"""Keeps a line of every request that it reads to its end, in witness.log."""
import os

LOG = os.open("witness.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def app(environ, start_response):
    body = environ["wsgi.input"].read()
    declared = environ.get("CONTENT_LENGTH")
    whole = not declared or int(declared) == len(body)
    path = environ["RAW_URI"]
    decision = environ.get("HTTP_X_DOORWARD_DECISION", "")
    status = "200" if whole else "0"
    line = f"{decision} {environ['REQUEST_METHOD']} {path} {len(body)} {status}\n"
    os.write(LOG, line.encode())
    said = f"seen:{path}".encode()
    start_response("200 OK", [("Content-Length", str(len(said)))])
    return [said]
