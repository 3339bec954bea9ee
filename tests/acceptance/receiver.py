"""A web server of the account's own: a real HTTP server on loopback that keeps what is sent to it.

Events are posted to it, the first to each path is refused with 503, so that a retry is part of every run; and the Webhook
steps of flows ask it (``/web/...``, see ``web_answers``).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.acceptance.web_answers import PREFIX, answer


@dataclass(frozen=True, slots=True)
class Post:
    """One request as it came, and how it was answered (0: not at all)."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    answered: int
    method: str = "POST"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Receiver:
    """Started once a session; each case file posts to a path of its own."""

    def __init__(self) -> None:
        self._posts: list[Post] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def start(self) -> None:
        """Answer posts."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._stopped.set()
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

    def asked(self, what: str) -> list[Post]:
        """Requests of flows for ``/web/<what>``, and what is behind it, in the order in which they were answered."""
        with self._lock:
            return [post for post in self._posts if post.path.startswith(f"{PREFIX}{what}")]

    def _keep(self, post: Post) -> None:
        with self._lock:
            self._posts.append(post)

    def _take(self, path: str, headers: Mapping[str, str], body: bytes) -> int:
        with self._lock:
            answered = 204 if any(post.path == path for post in self._posts) else 503
            self._posts.append(Post(path, headers, body, answered))
        return answered

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        take, keep, stopped = self._take, self._keep, self._stopped

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def do_GET(self) -> None:
                self._asked()

            def do_PUT(self) -> None:
                self._asked()

            def _asked(self) -> None:
                body, headers = self._read()
                keep(Post(self.path, headers, body, answer(self, stopped), self.command))

            def _read(self) -> tuple[bytes, dict[str, str]]:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                return body, {k.lower(): v for k, v in self.headers.items()}

            def do_POST(self) -> None:
                if self.path.startswith(PREFIX):
                    self._asked()
                    return
                body, headers = self._read()
                self.send_response(take(self.path, headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                del format, args

        return Handler
