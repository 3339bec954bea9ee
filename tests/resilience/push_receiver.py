"""Somebody's webhook endpoint: takes every push, now and then badly, and remembers them in the order of arrival."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections import defaultdict
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Push:
    """One delivery that was answered with 200."""

    id: str
    type: str
    body: dict[str, Any]


class PushReceiver:
    """A context manager; ``pushes`` are by record, in the order in which they were first taken."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._taken: dict[str, list[Push]] = defaultdict(list)
        self._lock = threading.Lock()
        self.repeated = 0
        self.refused = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def handle(self) -> None:
                with contextlib.suppress(OSError):  # a publisher that was killed
                    super().handle()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = receiver.take(self.headers["webhook-id"], self.headers["webhook-event"], json.loads(body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="push-receiver", daemon=True)

    @property
    def url(self) -> str:
        """Where to push to."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/pushes"

    def take(self, id_: str, type_: str, body: dict[str, Any]) -> int:
        """The HTTP status of one delivery."""
        with self._lock:
            if self._chance.random() < 0.02:
                self.refused += 1
                return 503
            taken = self._taken[str(body.get("record_id", ""))]
            if any(push.id == id_ for push in taken):
                self.repeated += 1
            else:
                taken.append(Push(id_, type_, body))
            return 200

    def of(self, record_id: str) -> list[Push]:
        """The pushes of one record."""
        with self._lock:
            return list(self._taken.get(record_id, ()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
