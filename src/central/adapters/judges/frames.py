"""What the jobs process and its judge processes say to each other: calls and answers, each a length and a pickle.

Pickle may be used here, because both ends are the same program and nobody else holds an end of the pipes.
"""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass
from typing import IO

from central.application.ports.intake import FileBrief, ListFindings
from central.domain.errors import CentralError

_LENGTH = struct.Struct("!Q")
LENGTH_BYTES = _LENGTH.size


@dataclass(frozen=True, slots=True)
class Open:
    """Take part in the judging of a file; ``upload`` names it in the calls that follow."""

    upload: int
    brief: FileBrief
    turn: int
    turns: int


@dataclass(frozen=True, slots=True)
class Read:
    """Read a chunk; answered by the numbers to ask about, or None."""

    upload: int
    chunk: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Judge a chunk; answered by a JudgedChunk."""

    upload: int
    chunk: int
    instant: int
    findings: ListFindings
    remaining: int | None


@dataclass(frozen=True, slots=True)
class Forget:
    """The file is done with."""

    upload: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The answer to a call that raised an error of the error tree; the same is raised at the caller's."""

    kind: type[CentralError]
    code: str
    message: str
    details: dict[str, object]


Call = Open | Read | Judge | Forget


def frame(message: object) -> bytes:
    """A message as it travels."""
    body = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(body)) + body


def length_of(head: bytes) -> int:
    """The bytes that follow the head of a frame."""
    (length,) = _LENGTH.unpack(head)
    return int(length)


def message_of(body: bytes) -> object:
    """What a frame says."""
    return pickle.loads(body)  # noqa: S301 - from our own program, see above


def read_call(stream: IO[bytes]) -> object | None:
    """Wait for the next message; None when the other end is gone."""
    head = stream.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    return message_of(stream.read(length_of(head)))
