"""The one file of a multipart/form-data body (RFC 7578) as a stream; nothing of it is held in memory or on disk."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from central.domain.errors import InvalidInput

_MAX_PARTS = 20


class MultipartFile:
    """``open`` reads up to the first part with a file name; ``chunks`` gives its bytes. Other parts are passed over."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        _, options = parse_options_header(content_type)
        try:
            self._parser = PushMultipartParser(options.get("boundary", ""), max_segment_count=_MAX_PARTS, strict=True)
        except MultipartError as error:
            raise _unreadable(str(error)) from error
        self._body = body
        self._events: deque[MultipartSegment | bytes | None] = deque()
        self.file_name = ""
        self.media_type = ""

    async def open(self) -> None:
        """Find the file. Raises InvalidInput ``unreadable_multipart``, ``file_missing``."""
        while True:
            event = await self._next()
            if isinstance(event, MultipartSegment) and event.filename:
                self.file_name = event.filename
                self.media_type = event.content_type or ""
                return
            if event is _END:
                raise InvalidInput("file_missing", "The form has no part with a file.")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file. Raises InvalidInput ``unreadable_multipart``, ``several_files``."""
        ended = False
        while True:
            event = await self._next()
            if event is _END:
                if not ended:
                    raise _unreadable("the body ends within the file")
                return
            if isinstance(event, MultipartSegment) and event.filename:
                raise InvalidInput("several_files", "Send one file at a time.")
            if event is None:
                ended = True
            elif isinstance(event, bytes) and not ended:
                yield event

    async def _next(self) -> MultipartSegment | bytes | object | None:
        while not self._events:
            if self._parser.closed:
                return _END
            chunk = await anext(self._body, b"")
            try:
                if not chunk:
                    self._parser.close()
                    return _END
                self._events.extend(bytes(e) if isinstance(e, bytearray) else e for e in self._parser.parse(chunk))
            except MultipartError as error:
                raise _unreadable(str(error)) from error
        return self._events.popleft()


_END = object()


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput("unreadable_multipart", f"The form cannot be read: {why}.")
