"""The one file of a multipart/form-data body (RFC 7578) as a stream; nothing of it is held in memory or on disk.

Reading is push and pull: chunks of the body come in, pieces of the file go out; what might be the beginning of the boundary
is held back (its length at most).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message

from central.domain.errors import InvalidInput

_MAX_HEAD = 8 * 1024
_MAX_BOUNDARY = 70  # RFC 2046, section 5.1.1
_MAX_PARTS = 20


def header_parameter(header: str, name: str) -> str:
    """A parameter of a header such as Content-Type or Content-Disposition (RFC 2231 forms too), empty without it."""
    message = Message()
    message["Content-Type"] = header if "/" in header.partition(";")[0] else f"x/{header}"
    value = message.get_param(name)
    if isinstance(value, tuple):
        charset, _, text = value
        return text.encode("latin-1", "replace").decode(charset or "utf-8", "replace")
    return value or ""


class MultipartFile:
    """``open`` reads up to the first part with a file name; ``chunks`` gives its bytes. Other parts are passed over."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        boundary = header_parameter(content_type, "boundary")
        if not 0 < len(boundary) <= _MAX_BOUNDARY or not boundary.isascii():
            raise _unreadable("the Content-Type names no boundary")
        self._delimiter = b"\r\n--" + boundary.encode()
        self._buffer = bytearray(b"\r\n")  # the first boundary may stand at the very beginning
        self._body = body
        self._parts = 0
        self.file_name = ""
        self.media_type = ""

    async def open(self) -> None:
        """Find the file. Raises InvalidInput ``unreadable_multipart``, ``file_missing``."""
        async for _ in self._up_to_delimiter():
            pass
        while await self._begin_part():
            if self.file_name:
                return
            async for _ in self._up_to_delimiter():
                pass
        raise InvalidInput("file_missing", "The form has no part with a file.")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of the file. Raises InvalidInput ``unreadable_multipart``, ``several_files``."""
        async for piece in self._up_to_delimiter():
            yield piece
        while await self._begin_part():
            if self.file_name:
                raise InvalidInput("several_files", "Send one file at a time.")
            async for _ in self._up_to_delimiter():
                pass

    async def _up_to_delimiter(self) -> AsyncIterator[bytes]:
        """The bytes before the next boundary, which is taken away too."""
        keep = len(self._delimiter) - 1
        while (at := self._buffer.find(self._delimiter)) < 0:
            ready = len(self._buffer) - keep
            if ready > 0:
                piece = bytes(self._buffer[:ready])
                del self._buffer[:ready]
                yield piece
            await self._more("the body ends before its last boundary")
        piece = bytes(self._buffer[:at])
        del self._buffer[: at + len(self._delimiter)]
        if piece:
            yield piece

    async def _begin_part(self) -> bool:
        """Read the head of the part behind a boundary; False at the end of the form."""
        while len(self._buffer) < 2:  # noqa: PLR2004 - two dashes end the form, CR LF begins a part
            await self._more("the body ends at a boundary")
        if self._buffer.startswith(b"--"):
            return False
        self._parts += 1
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD or self._parts > _MAX_PARTS:
                raise _unreadable("a part's head is too long, or there are too many parts")
            await self._more("the body ends within a part's head")
        head = bytes(self._buffer[:end]).decode("utf-8", "replace")
        del self._buffer[: end + 4]
        fields = {
            name.strip().lower(): value.strip() for name, _, value in (x.partition(":") for x in head.split("\r\n"))
        }
        disposition = fields.get("content-disposition", "")
        self.file_name = header_parameter(disposition, "filename")
        if self.file_name:
            self.media_type = fields.get("content-type", "").partition(";")[0].strip().lower()
        return True

    async def _more(self, otherwise: str) -> None:
        chunk = await anext(self._body, b"")
        if not chunk:
            raise _unreadable(otherwise)
        self._buffer += chunk


def _unreadable(why: str) -> InvalidInput:
    return InvalidInput("unreadable_multipart", f"The form cannot be read: {why}.")
