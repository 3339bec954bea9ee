"""The command line's way to the API: one call, one answer; problem documents become errors of our tree."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from central.bootstrap.operator import read_profile
from central.domain.errors import CallerError, CentralError, NeighbourError
from central.settings import read_settings

T = TypeVar("T")
Query = Mapping[str, str | int | bool | None]
_SERVER_ERROR = 500
_ERROR = 400


class ApiClient:
    """Calls of ``/api/v1`` with the profile's key."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, f"{url}/api/v1"

    async def call(
        self, method: str, path: str, *, body: object = None, data: object = None, query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - JSON  # fmt: skip
        """The decoded answer. Raises CallerError or CentralError with the problem's code, NeighbourError without answer."""
        params = {
            k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in (query or {}).items() if v is not None
        }
        try:
            async with self._session.request(
                method, self._url + path, params=params, headers=headers,
                **({"json": body} if body is not None else {"data": data}),  # type: ignore[arg-type]
            ) as answer:  # fmt: skip
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        if answer.status >= _ERROR:
            raise _problem(answer.status, text)
        return json.loads(text) if text and "json" in answer.headers.get("Content-Type", "") else text

    async def document(self, path: str) -> bytes:
        """The bytes of an answer as they are. Raises as ``call``."""
        try:
            async with self._session.get(self._url + path) as answer:
                data = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise self._unreachable(error) from error
        if answer.status >= _ERROR:
            raise _problem(answer.status, data.decode("utf-8", "replace"))
        return data

    def _unreachable(self, error: Exception) -> NeighbourError:
        return NeighbourError("api_unreachable", f"The API at {self._url} does not answer: {error}")

    async def pages(self, path: str, query: Query | None = None, most: int = 100_000) -> AsyncIterator[dict[str, Any]]:
        """All items of a paged list."""
        cursor: str | None = None
        seen = 0
        while seen < most:
            page = await self.call("GET", path, query={**(query or {}), "cursor": cursor})
            for item in page["items"]:
                seen += 1
                yield item
            cursor = page.get("next")
            if not cursor:
                return

    async def upload(self, path: str, file: Path, media_type: str, query: Query) -> Any:  # noqa: ANN401 - JSON
        """Send a file as it is."""
        with file.open("rb") as body:
            return await self.call("POST", path, data=body, query=query, headers={"Content-Type": media_type})


def with_api(work: Callable[[ApiClient], Coroutine[Any, Any, T]], *, key: str | None = None) -> T:
    """Run a command against the API; ``key`` replaces the profile's."""
    settings = read_settings()

    async def run() -> T:
        if key is None:
            profile = read_profile(settings)
            url, secret = profile.url, profile.key
        else:
            url, secret = settings.api_address, key
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=600)
        headers = {"Authorization": f"Bearer {secret}"}
        async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
            return await work(ApiClient(session, url))

    return asyncio.run(run())


def call_api(method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - JSON in and out
    """One call with the profile's key; the options are those of ``ApiClient.call``."""
    return with_api(lambda api: api.call(method, path, **more))


def list_all(path: str, **query: str | None) -> list[dict[str, Any]]:
    """All items of a paged list."""

    async def work(api: ApiClient) -> list[dict[str, Any]]:
        return [row async for row in api.pages(path, query)]

    return with_api(work)


def _problem(status: int, text: str) -> CentralError:
    try:
        document = json.loads(text)
    except ValueError:
        return NeighbourError("api_failed", f"The API answered {status}: {text[:200]}")
    kind = CallerError if status < _SERVER_ERROR else NeighbourError
    detail = document.get("detail") or document.get("title") or text
    errors: list[dict[str, Any]] = document.get("errors", [])
    problems = [f"{found.get('field', '')}: {found.get('message', found)}" for found in errors]
    findings: list[dict[str, Any]] = document.get("details", {}).get("findings", [])
    problems += [f"line {f['line']}{f['step'] and ', ' + f['step']}: {f['message']} [{f['code']}]" for f in findings]
    return kind(str(document.get("code", f"http_{status}")), str(detail), problems=problems)
