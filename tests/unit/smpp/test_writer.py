"""What stands in a submit_sm by the carrier's settings: times, flags, addresses, alphabets, registration ids."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from msgspec.structs import replace

from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Address, Addresses, ExtraTlv, SmppConfig
from central.adapters.smpp.pdu import Message
from central.adapters.smpp.translate import Writer
from central.application.ports.carriers import NotSent, NotTaken, Submission
from central.domain.ids import MessageId
from central.domain.short_messages import measure

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CONFIG = SmppConfig(name="one", host="smsc.example.org", system_id="central")


def submission(text: str = "Hello.", **values: object) -> Submission:
    size = measure(text)
    known: dict[str, object] = {
        "id": MessageId(UUID(int=9)), "to": "919800000001", "sender": "CENTRAL", "text": text, "encoding": size.encoding,
        "parts": size.parts,
    } | values  # fmt: skip
    return Submission(**known)  # type: ignore[arg-type]


def written(one: Submission, config: SmppConfig = CONFIG, *, tlvs: bool = True) -> list[Message]:
    parts = Writer(config).parts(one, NOW, tlvs=tlvs)
    assert isinstance(parts, list), parts
    found = [wire.decode(wire.SUBMIT_SM, 0, number, body) for number, (_, body) in enumerate(parts, 1)]
    assert all(isinstance(pdu, Message) for pdu in found)
    return [pdu for pdu in found if isinstance(pdu, Message)]


@pytest.mark.parametrize(
    ("form", "seconds", "period"),
    [
        ("relative", 90.0, "000000000130000R"),
        ("relative", 86_400.0, "000001000000000R"),
        ("relative", 30 * 86_400.0, "000007000000000R"),  # cut to max_validity_s
        ("relative", 0.2, "000000000001000R"),
        ("absolute", 3_600.0, "261123130000000+"),
        ("none", 3_600.0, ""),
    ],
)
def test_the_validity_stands_in_the_form_of_the_carrier(form: str, seconds: float, period: str) -> None:
    config = replace(CONFIG, validity=form)
    (pdu,) = written(submission(validity_s=seconds), config)
    assert (pdu.validity, pdu.schedule) == (period, "")


def test_flags_and_service_type_stand_as_they_are_set() -> None:
    config = replace(CONFIG, registered=17, priority=3, protocol_id=64, service_type="CMT")
    (pdu,) = written(submission(), config)
    assert (pdu.registered, pdu.priority, pdu.protocol_id, pdu.service_type) == (17, 3, 64, "CMT")
    (plain,) = written(submission())
    (own,) = written(submission(priority=0), config)
    assert own.priority == 0  # a message's own goes before the carrier's
    assert (plain.registered, plain.priority, plain.protocol_id, plain.service_type, plain.replace) == (1, 0, 0, "", 0)


@pytest.mark.parametrize(
    ("sender", "ton", "npi", "shown"),
    [("CENTRAL", 5, 0, "CENTRAL"), ("919800000009", 1, 1, "+919800000009"), ("56767", 3, 0, "56767"), ("", 0, 0, "")],
)
def test_senders_are_written_by_their_kind(sender: str, ton: int, npi: int, shown: str) -> None:
    config = replace(CONFIG, addresses=Addresses(number=Address(ton=1, npi=1, prefix="+")))
    (pdu,) = written(submission(sender=sender), config)
    assert (pdu.source_ton, pdu.source_npi, pdu.source) == (ton, npi, shown)
    assert (pdu.dest_ton, pdu.dest_npi, pdu.dest) == (1, 1, "919800000001")


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "octets"),
    [
        ("gsm7", "@$_\u20ac", 0, b"\x00\x02\x11\x1be"),
        ("latin1", "@$_\xe9", 0, b"@$_\xe9"),
        ("latin1", "\u20ac", 8, b"\x20\xac"),
        ("gsm7", "\U0001f600", 8, b"\xd8\x3d\xde\x00"),
    ],
)
def test_texts_are_written_in_the_alphabet_of_the_carrier(alphabet: str, text: str, coding: int, octets: bytes) -> None:
    (pdu,) = written(submission(text), replace(CONFIG, alphabet=alphabet))
    assert (pdu.data_coding, pdu.short_message) == (coding, octets)


def test_registration_ids_go_in_the_tags_and_forms_that_the_carrier_names() -> None:
    tlvs = (
        ExtraTlv(tag=0x1400, source="entity"),
        ExtraTlv(tag=0x1401, source="template", form="octets"),
        ExtraTlv(tag=0x1402, source="=chain", form="octets"),
        ExtraTlv(tag=0x1403, source="other", required=False),
    )
    config = replace(CONFIG, tlvs=tlvs)
    registered = submission(ids={"entity": "E1", "template": "T1"})
    (pdu,) = written(registered, config)
    assert pdu.tlvs == ((0x1400, b"E1\0"), (0x1401, b"T1"), (0x1402, b"chain"))
    without = Writer(config).parts(submission(ids={"entity": "E1"}), NOW, tlvs=True)
    assert isinstance(without, NotTaken)
    assert (without.reason, without.status) == ("dlt_missing", "FAILED")
    odd = Writer(config).parts(submission(ids={"entity": "E\u20ac", "template": "T1"}), NOW, tlvs=True)
    assert isinstance(odd, NotTaken)
    old = Writer(config).parts(registered, NOW, tlvs=False)
    assert isinstance(old, NotSent)  # another bind may understand TLVs


@pytest.mark.parametrize(("joining", "count"), [("udh8", 2), ("udh16", 2), ("sar", 2), ("payload", 1)])
def test_long_texts_are_joined_as_the_carrier_wants(joining: str, count: int) -> None:
    text = "x" * 200
    pdus = written(submission(text), replace(CONFIG, joining=joining))
    assert len(pdus) == count
    assert [bool(pdu.esm_class & 0x40) for pdu in pdus] == [joining.startswith("udh")] * count
    assert len({pdu.validity for pdu in pdus}) == 1
    if joining in {"sar", "payload"}:  # a bind without TLVs falls back to headers
        assert all(
            pdu.esm_class & 0x40 for pdu in written(submission(text), replace(CONFIG, joining=joining), tlvs=False)
        )
