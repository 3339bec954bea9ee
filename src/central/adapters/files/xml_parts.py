"""Parts of a workbook as streams through expat. A document type declaration is refused, so no entity is expanded."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO
from xml.parsers import expat

from central.domain.errors import InvalidInput

_CHUNK = 256 * 1024

Attributes = dict[str, str]


def parse(
    stream: IO[bytes],
    start: Callable[[str, Attributes], object],
    end: Callable[[str], object] | None = None,
    text: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Feed a part to expat; yields after each piece, so that a reader can hand on what it has collected."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    try:
        while chunk := stream.read(_CHUNK):
            parser.Parse(chunk, False)
            yield
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise broken(str(error)) from error
    yield


def broken(why: str) -> InvalidInput:
    """The file error for a workbook that cannot be read."""
    return InvalidInput("xlsx_broken", f"The workbook cannot be read: {why}.")


def _refuse_doctype(*_: object) -> None:
    raise broken("it declares a document type")


def local_name(name: str) -> str:
    """The name without its namespace."""
    return name.rpartition(" ")[2]


def whole_number(raw: str | None) -> int:
    """A small whole number of an attribute or a cell; -1 for anything else."""
    return int(raw) if raw and raw.isascii() and raw.isdigit() and len(raw) < 10 else -1  # noqa: PLR2004 - 32 bits


UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What the zip library raises for damaged, encrypted or exotic archives."""
