"""A webhook receiver of the account's own: a real HTTP server on loopback that keeps what is posted to it.

The first post to each path is refused with 503, so that a retry is part of every run.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, slots=True)
class Post:
    """One request as it came, and how it was answered."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answered: int


class Receiver:
    """Started once a session; each case file posts to a path of its own."""

    def __init__(self) -> None:
        self._posts: list[Post] = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def start(self) -> None:
        """Answer posts."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def url(self, name: str) -> str:
        """The address for a name."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def posts(self, name: str) -> list[Post]:
        """What came there so far, in order."""
        with self._lock:
            return [post for post in self._posts if post.path == f"/{name}"]

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        with self._lock:
            answered = 204 if any(post.path == path for post in self._posts) else 503
            self._posts.append(Post(path, headers, body, answered))
        return answered

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take = self._take

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                self.send_response(take(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                del format, args

        return Handler
