"""What the suite's web server answers to the requests of flows: one lawful answer, and what a far side can do wrong."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import Final
from urllib.parse import urlsplit

from tests.tones import sine

PREFIX: Final = "/web/"
HANG_S: Final = 30.0
_HUGE: Final = 1_000_000_000
_REDIRECTS: Final = {"away": "http://224.0.0.1/", "again": "/web/again", "moved": "/web/slots"}
_BODIES: Final[Mapping[str, tuple[int, str | bytes]]] = {
    "tone": (200, sine(600, 3.0, rate=44_100)),
    "slots": (200, json.dumps({"data": {"left": 2, "slots": [{"start": "9:30"}]}})),
    "none": (200, json.dumps({"data": {"left": 0, "slots": []}})),
    "broken": (500, '{"error": "broken"}'),
    "html": (200, "<html>no JSON</html>"),
    "done": (204, ""),
}


def answer(handler: BaseHTTPRequestHandler, stopped: threading.Event) -> int:
    """Answer one request for ``/web/<what>``, whatever follows behind it; the status code, 0 = none was sent."""
    what = urlsplit(handler.path).path.removeprefix(PREFIX).partition("/")[0]
    if what == "hang":
        stopped.wait(HANG_S)
        handler.close_connection = True
        return 0
    if what in _REDIRECTS:
        return _send(handler, 302, "", _REDIRECTS[what])
    if what == "huge":
        return _send_without_end(handler)
    status, body = _BODIES.get(what, (404, "no such page"))
    return _send(handler, status, body)


def _send(handler: BaseHTTPRequestHandler, status: int, body: str | bytes, location: str = "") -> int:
    data = body.encode() if isinstance(body, str) else body
    handler.send_response(status)
    if location:
        handler.send_header("Location", location)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)
    return status


def _send_without_end(handler: BaseHTTPRequestHandler) -> int:
    """A billion bytes, for as long as somebody takes them."""
    handler.send_response(200)
    handler.send_header("Content-Length", str(_HUGE))
    handler.end_headers()
    chunk, sent = b'{"data": "' + b"x" * 65_526, 0
    try:
        while sent < _HUGE:
            handler.wfile.write(chunk)
            sent += len(chunk)
    except OSError:
        handler.close_connection = True
    return 200
