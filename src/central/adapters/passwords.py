"""Passwords hashed with argon2id (RFC 9106, second recommended option by the library's defaults); port PasswordHasher."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError


class Argon2Passwords:
    """Runs in a thread: a hash takes some tens of milliseconds and 64 MiB on purpose."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(2)  # bounds the memory that a flood of log-ins can take

    async def hash(self, password: str) -> str:
        """The encoded hash with its parameters."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one that was hashed."""
        async with self._turn:
            try:
                return await asyncio.to_thread(self._hasher.verify, password_hash, password)
            except VerifyMismatchError:
                return False
