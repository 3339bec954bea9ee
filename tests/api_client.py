"""The HTTP API as a program of somebody else uses it: a key, JSON in and out, problem documents as errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx

_ERROR = 400
_TIMEOUT = httpx.Timeout(30.0)


class ApiRefused(RuntimeError):
    """The API answered with a problem document; ``code`` is its stable code."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status, self.code, self.detail = status, code, detail


class Api:
    """Calls of ``/api/v1`` with one key; safe to use from several threads."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=40)
        self._client = httpx.Client(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_TIMEOUT,
            limits=limits,
            transport=httpx.HTTPTransport(retries=2, limits=limits),
        )

    def answer(self, method: str, path: str, **more: Any) -> httpx.Response:
        """The answer as it came."""
        return self._client.request(method, path, **more)

    def call(self, method: str, path: str, **more: Any) -> Any:
        """The decoded answer. Raises ApiRefused."""
        answer = self.answer(method, path, **more)
        if answer.status_code >= _ERROR:
            raise _refused(answer)
        return answer.json() if answer.content and "json" in answer.headers.get("content-type", "") else answer.text

    def get(self, path: str, **query: object) -> Any:
        """GET with a query; parameters that are None stay away."""
        return self.call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def post(self, path: str, body: object = None, **query: object) -> Any:
        """POST a JSON body, or none."""
        return self.call("POST", path, params=query, **({} if body is None else {"json": body}))

    def put(self, path: str, body: object) -> Any:
        """PUT a JSON body."""
        return self.call("PUT", path, json=body)

    def patch(self, path: str, body: object) -> Any:
        """PATCH with a JSON body."""
        return self.call("PATCH", path, json=body)

    def send(self, method: str, path: str, content: bytes, media_type: str, **query: object) -> Any:
        """Send bytes as they are, such as a flow document or a list."""
        return self.call(method, path, content=content, headers={"Content-Type": media_type}, params=query)

    def pages(self, path: str, **query: object) -> Iterator[dict[str, Any]]:
        """All items of a paged list."""
        cursor: str | None = None
        while True:
            page = self.get(path, cursor=cursor, **query)
            yield from page["items"]
            cursor = page.get("next")
            if not cursor:
                return

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _refused(answer: httpx.Response) -> ApiRefused:
    try:
        problem = answer.json()
    except ValueError:
        return ApiRefused(answer.status_code, "", answer.text[:300])
    return ApiRefused(
        answer.status_code, str(problem.get("code", "")), f"{problem.get('detail', '')} {problem.get('errors', '')}"
    )
