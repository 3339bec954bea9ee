"""The DNS by dnspython (port NameLookup): names are absolute, no search list is used, and each question has a longest time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver

from central.application.ports.names import NameAnswer, NameQuestion

_AT_ONCE: Final = 8


class DnsNameLookup:
    """servers: (address, port) of resolvers; () = those of the machine. Raises dns.resolver.NoResolverConfiguration without any."""

    def __init__(self, servers: Sequence[tuple[str, int]] = (), *, limit_s: float = 5.0) -> None:
        self._resolver = dns.asyncresolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [address for address, _ in servers]
            self._resolver.nameserver_ports = dict(servers)
        self._limit_s = limit_s

    async def look_up(self, questions: Sequence[NameQuestion]) -> Sequence[NameAnswer]:
        """One answer each, in the same order."""
        turn = asyncio.Semaphore(_AT_ONCE)
        return await asyncio.gather(*(self._ask(question, turn) for question in questions))

    async def _ask(self, question: NameQuestion, turn: asyncio.Semaphore) -> NameAnswer:
        try:
            name = dns.name.from_text(question.name)
        except (dns.exception.DNSException, UnicodeError):
            return NameAnswer(failed="bad_name")
        try:
            async with turn:
                answer = await self._resolver.resolve(name, question.record_type, search=False, lifetime=self._limit_s)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return NameAnswer()
        except dns.exception.Timeout:
            return NameAnswer(failed="timeout")
        except (dns.exception.DNSException, OSError):
            return NameAnswer(failed="refused")
        return NameAnswer(tuple(_text(record) for record in answer))


def _text(record: object) -> str:
    if isinstance(record, dns.rdtypes.ANY.TXT.TXT):
        return b"".join(record.strings).decode("utf-8", errors="replace")
    if isinstance(record, dns.rdtypes.ANY.MX.MX):
        return f"{record.preference} {record.exchange.to_text(omit_final_dot=True)}"
    raise AssertionError(record)
