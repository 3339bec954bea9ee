"""A gateway of short messages by HTTP, as providers run them: takes a message, answers, and brings receipts by calling back."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

TOKEN: Final = "receipts-token-of-the-laboratory"
KEY: Final = "gateway-key"
SETTINGS: Final[dict[str, Any]] = {
    "to_prefix": "+",
    "answer": {
        "id": {"path": "messages.0.id"}, "error": {"path": "messages.0.error"}, "accepted": ["none"],
        "refusals": {"E21": {"status": "INVALID_NUMBER", "reason": "bad_recipient"}},
    },
    "receipts": {
        "verify": {"kind": "token", "secret": "receipts"}, "each": "receipts", "id": {"path": "id"}, "state": {"path": "state"},
        "error": {"path": "error"}, "number": {"path": "to"}, "time": {"path": "at"},
        "states": {
            "delivered": {"status": "DELIVERED", "reason": "delivered"}, "rejected": {"status": "REJECTED", "reason": "rejected"},
            "sent": {"status": "SENT_TO_QUEUE", "reason": "on_its_way"},
        },
    },
}  # fmt: skip
REQUEST: Final[dict[str, Any]] = {
    "json": {"messages": [{"to": "{to}", "from": "{sender}", "text": "{text}", "reference": "{id}"}]},
    "auth": {"kind": "bearer", "secret": "key"},
}


class HttpGateway:
    """A context manager. The text of a message says how it is treated; ``called`` are the statuses of its own calls, by text."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.called: dict[str, list[int]] = {}
        self.receipts_url = ""
        self._lock = threading.Lock()
        self._callers: list[threading.Thread] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        for caller in self._callers:
            caller.join(5)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v2/send"

    def call(self, text: str, token: str, *receipts: dict[str, str]) -> int:
        """Bring receipts; what Central answered."""
        body = json.dumps({"receipts": receipts}).encode()
        request = urllib.request.Request(f"{self.receipts_url}/{token}", body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                status = int(answer.status)
        except urllib.error.HTTPError as error:
            status = error.code
        with self._lock:
            self.called.setdefault(text, []).append(status)
        return status

    def _take(self, message: dict[str, str]) -> tuple[int, dict[str, Any]]:
        text, id_ = message["text"], f"gw-{message['reference'][-12:]}"
        with self._lock:
            self.taken.append(text)
            again = self.taken.count(text) > 1
        if text == "bad number":
            return 200, {"messages": [{"error": "E21"}]}
        if text == "busy once" and not again:
            return 503, {}
        if text == "broken":
            return 500, {}
        states = {
            "delivered": ["sent", "delivered"],
            "busy once": ["delivered"],
            "rejected": ["rejected"],
            "new word": ["teleported"],
        }
        for state in states.get(text, []):
            self._later(text, TOKEN, {"id": id_, "state": state, "to": message["to"], "at": "2026-03-01T12:00:00Z"})
        if text == "forged":
            self._later(text, "wrong-token-wrong-token", {"id": id_, "state": "delivered", "to": message["to"]})
        return 200, {"messages": [{"id": id_, "error": "none"}]}

    def _later(self, text: str, token: str, receipt: dict[str, str]) -> None:
        """From a thread of its own: it may come before the answer or after it."""
        caller = threading.Thread(target=self.call, args=(text, token, receipt), daemon=True)
        self._callers.append(caller)
        caller.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        gateway = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                allowed = self.headers["Authorization"] == f"Bearer {KEY}"
                status, answer = gateway._take(body["messages"][0]) if allowed else (401, {})
                raw = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
                pass

        return Handler
