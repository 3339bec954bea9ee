"""The DNS client against a name server on loopback that answers, refuses, and keeps silent; and a domain checked by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
from msgspec.structs import replace

from central.adapters.smtp.domain_records import check_records, records_of
from central.adapters.smtp.name_lookup import DnsNameLookup
from central.application.ports.names import NameAnswer, NameQuestion
from central.domain.mail_domains import MailHouse, is_proved
from tests.fakes.mail_drafts import IDENTITY, ed25519_key, rsa_key

HOUSE = MailHouse("bounces.central.example.net", ("ip4:192.0.2.7",))


class NameServer(asyncio.DatagramProtocol):
    """A zone of texts and exchangers; names under ``silent.`` get no answer, names under ``broken.`` SERVFAIL."""

    def __init__(self) -> None:
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        if name.startswith("silent."):
            return
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        kind = dns.rdatatype.to_text(question.rdtype)
        values = self.zone.get((name, kind))
        if name.startswith("broken."):
            answer.set_rcode(dns.rcode.SERVFAIL)
        elif values:
            answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", kind, values))
        elif not any(known == name for known, _ in self.zone):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self.transport
        self.transport.sendto(answer.to_wire(), addr)


@pytest.fixture
async def server() -> AsyncIterator[tuple[NameServer, DnsNameLookup]]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    port = transport.get_extra_info("sockname")[1]
    yield protocol, DnsNameLookup([("127.0.0.1", port)], limit_s=1.0)
    transport.close()


def quoted(text: str) -> str:
    """A text in pieces of at most 255 octets, as a zone file has it."""
    return " ".join(f'"{text[place : place + 255]}"' for place in range(0, len(text), 255))


async def test_each_kind_of_answer(server: tuple[NameServer, DnsNameLookup]) -> None:
    names, lookup = server
    names.zone["a.example.com", "TXT"] = [quoted("x" * 300), '"two"']
    names.zone["a.example.com", "MX"] = ["10 mx.example.com."]
    names.zone["b.example.com", "TXT"] = ['"only a text"']
    answers = await lookup.look_up(
        [
            NameQuestion("a.example.com", "TXT"),
            NameQuestion("a.example.com", "MX"),
            NameQuestion("b.example.com", "MX"),
            NameQuestion("none.example.com", "TXT"),
            NameQuestion("silent.example.com", "TXT"),
            NameQuestion("broken.example.com", "TXT"),
            NameQuestion("a..example.com", "TXT"),
            NameQuestion("x" * 64 + ".example.com", "TXT"),
        ]
    )
    assert sorted(answers[0].values) == ["two", "x" * 300]
    assert list(answers[1:]) == [
        NameAnswer(("10 mx.example.com",)),
        NameAnswer(),
        NameAnswer(),
        NameAnswer(failed="timeout"),
        NameAnswer(failed="refused"),
        NameAnswer(failed="bad_name"),
        NameAnswer(failed="bad_name"),
    ]


async def test_a_domain_is_proved_when_it_publishes_what_is_shown(server: tuple[NameServer, DnsNameLookup]) -> None:
    names, lookup = server
    wanted = records_of(replace(IDENTITY, keys=(rsa_key(), ed25519_key())), HOUSE)
    assert [one.kind for one in wanted] == ["dkim", "dkim", "spf", "return_path", "dmarc"]
    before = await check_records(wanted, lookup)
    assert {one.state for one in before} == {"missing"}
    assert not is_proved(before)
    for one in wanted:
        names.zone[one.name, one.record_type] = [quoted(one.value) if one.record_type == "TXT" else f"{one.value}."]
    after = await check_records(wanted, lookup)
    assert {one.state for one in after} == {"right"}
    assert is_proved(after)
