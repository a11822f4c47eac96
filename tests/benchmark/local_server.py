"""A web server on this machine that gives good and bad answers to downloads."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

BODY = bytes(range(256)) * 9000
DIGEST = hashlib.sha256(BODY).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Gives `BODY`, or what `served` holds for the path; ``moved`` is not there, ``cut`` ends half-way."""

    served: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        path = self.path.lstrip("/")
        if path == "moved":
            self.send_error(404)
            return
        body = self.served.get(path, BODY)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body) * 2 if path == "cut" else len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """The server's address, for as long as it runs."""
    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{running.server_port}"
    finally:
        running.shutdown()
        running.server_close()
        thread.join()
