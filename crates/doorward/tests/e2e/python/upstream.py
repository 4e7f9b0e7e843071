"""httpbin under gunicorn on a free port of loopback. Prints the port; ends when stdin closes."""
import logging
import os
import signal
import socket
import sys
import threading

logging.disable(logging.WARNING)

from gunicorn.app.base import BaseApplication
from httpbin import app


class Server(BaseApplication):
    def __init__(self, listener):
        self.listener = listener
        super().__init__()

    def load_config(self):
        settings = {
            "bind": f"fd://{self.listener.fileno()}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": 16,
            "timeout": 120,
            "loglevel": "critical",
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self):
        return app


def end_with_stdin():
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", 0))
listener.listen(128)
listener.set_inheritable(True)
print(listener.getsockname()[1], flush=True)
threading.Thread(target=end_with_stdin, daemon=True).start()
Server(listener).run()
