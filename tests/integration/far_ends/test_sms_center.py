"""The scripted SMSC does what its table says; the tests of our own SMPP client rely on it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from examples.carrier.process import FarEnd
from examples.carrier.sms_center import NUMBERS, SmsCenter, number_for
from tests.far_ends.raw_smpp import BIND_RX, BIND_TX, ENQUIRE, QUERY, Link, tlv

SINK = Path(__file__).resolve().parents[2] / "far_ends" / "smpp_sink.py"


@pytest.fixture(scope="module")
def center(far_ends_cache: Path) -> Iterator[SmsCenter]:
    with SmsCenter(far_ends_cache, options=["--slow-ms", "300"]) as running:
        yield running


@pytest.fixture
def link(center: SmsCenter) -> Iterator[Link]:
    with Link(center.port) as open_link:
        assert open_link.bind() == 0
        yield open_link


TOLD = {
    "delivered": ["DELIVRD"],
    "expired": ["EXPIRED"],
    "deleted": ["DELETED"],
    "undeliverable": ["UNDELIV"],
    "accepted_only": ["ACCEPTD"],
    "unknown": ["UNKNOWN"],
    "rejected_later": ["REJECTD"],
    "unknown_subscriber": ["UNDELIV"],
    "failed_later": ["FAILED"],
    "new_word": ["LIMBO"],
    "receipt_first": ["DELIVRD"],
    "corrected": ["UNDELIV", "DELIVRD"],
    "receipt_twice": ["DELIVRD", "DELIVRD"],
    "says_stop": ["MO:STOP", "DELIVRD"],
    "slow_answer": ["DELIVRD"],
    "on_its_way": ["~ENROUTE", "DELIVRD"],
    "foreign_receipt": ["DELIVRD", "DELIVRD"],
    "broken_receipt": ["\xff", "DELIVRD"],
    "late_intermediate": ["DELIVRD", "~ENROUTE"],
}
REFUSED = {
    "invalid_number": [0x0B, 0x0B],
    "refused": [0x45, 0x45],
    "throttled_once": [0x58, 0],
    "queue_full": [0x14, 0x14],
    "vendor_refusal": [0x400, 0x400],
    "throttled_always": [0x58, 0x58],
    "fails_once": [0x08, 0],
}
TESTED_ALONE = {
    "no_answer", "cut", "no_receipt", "told_by_query", "no_id", "unbinds", "malformed", "nack", "accepted_then_cut",
    "accepted_without_answer",
}  # fmt: skip


def test_every_behaviour_is_tested() -> None:
    assert TOLD.keys() | REFUSED.keys() | TESTED_ALONE == NUMBERS.keys()


def test_receipts_tell_what_the_number_demands(link: Link) -> None:
    numbers = {behaviour: number_for(behaviour, 1) for behaviour in TOLD}
    for number in numbers.values():
        link.submit(number)
    for behaviour, number in numbers.items():
        link.until(partial(_told_all, link, number, TOLD[behaviour]))
        assert [word if word in TOLD[behaviour] else "\xff" for word in link.words(number)] == TOLD[behaviour]


def _told_all(link: Link, number: str, want: list[str]) -> bool:
    return len(link.words(number)) >= len(want)


@pytest.mark.parametrize("behaviour", REFUSED)
def test_refusals(link: Link, behaviour: str) -> None:
    assert [link.submitted(number_for(behaviour, 2))[0] for _ in range(2)] == REFUSED[behaviour]


def test_binds_are_checked(center: SmsCenter) -> None:
    for name, password, want in (("esme", "wrong", 0x0E), ("nobody", "secret", 0x0F)):
        with Link(center.port) as link:
            assert link.bind(name=name, password=password) == want


def test_a_pair_of_binds(center: SmsCenter) -> None:
    with Link(center.port) as sender, Link(center.port) as receiver:
        assert sender.bind(BIND_TX) == receiver.bind(BIND_RX) == 0
        number = number_for("expired", 3)
        assert sender.submitted(number)[0] == 0
        receiver.until(lambda: receiver.words(number) == ["EXPIRED"])
        assert receiver.submitted(number)[0] == 0x04


def test_messages_without_an_answer(center: SmsCenter) -> None:
    with Link(center.port) as link:
        link.bind()
        silent, taken = (link.submit(number_for(one, 4)) for one in ("no_answer", "accepted_without_answer"))
        link.until(lambda: bool(link.words(number_for("accepted_without_answer", 4))))
        assert link.submitted(number_for("nack", 4))[0] == 0x02
        assert {silent, taken} & link.answers.keys() == set()
        link.submit(number_for("cut", 4))
        with pytest.raises(ConnectionError):
            link.until(lambda: False)
    came = [one for one in center.submits() if one.to in (number_for("no_answer", 4), number_for("cut", 4))]
    assert [one.status for one in came] == [-1, -1]


def test_a_link_cut_after_acceptance_still_brings_the_receipt(center: SmsCenter) -> None:
    number = number_for("accepted_then_cut", 5)
    with Link(center.port) as link:
        link.bind()
        link.submit(number)
        with pytest.raises(ConnectionError):
            link.until(lambda: False)
    with Link(center.port) as link:
        link.bind()
        link.until(lambda: link.words(number) == ["DELIVRD"])


@pytest.mark.parametrize(("behaviour", "word"), [("no_receipt", "ENROUTE"), ("told_by_query", "DELIVRD")])
def test_queries(link: Link, behaviour: str, word: str) -> None:
    status, given = link.submitted(number_for(behaviour, 6))
    state = {"ENROUTE": 1, "DELIVRD": 2}[word]

    def told() -> int:
        answered, body = link.ask(QUERY, given.encode() + b"\0\0\0\0")
        assert answered == 0
        return body[-2]

    _wait(lambda: told() == state)
    assert status == 0
    assert link.ask(QUERY, b"ffff\0\0\0\0")[0] == 0x67


def test_links_end_as_the_script_says(center: SmsCenter) -> None:
    assert _submitted_id(center, "no_id") == ""
    with Link(center.port) as link:
        link.bind()
        link.submit(number_for("unbinds", 7))
        with pytest.raises(ConnectionError, match="closed"):
            link.until(lambda: False)
        assert 6 in link.requests
    with Link(center.port) as link:
        link.bind()
        link.submit(number_for("malformed", 7))
        with pytest.raises(ConnectionError, match="7 octets"):
            link.until(lambda: False)


def _submitted_id(center: SmsCenter, behaviour: str) -> str:
    with Link(center.port) as link:
        link.bind()
        return link.submitted(number_for(behaviour, 7))[1]


def test_what_came_is_told_with_its_parts_and_ids(center: SmsCenter, link: Link) -> None:
    number = number_for("delivered", 8)
    link.submitted(number, bytes((5, 0, 3, 7, 2, 1)) + b"one", esm_class=0x40)
    link.submitted(number, "दो".encode("utf-16-be"), coding=8, tlvs=tlv(0x1400, b"1101\0"))
    link.submitted(number, b"two", tlvs=tlv(0x020C, b"\0\7") + tlv(0x020E, b"\2") + tlv(0x020F, b"\2"))
    first, second, third = (one for one in center.submits() if one.to == number)
    assert (first.text, first.part, second.text, second.part) == ("one", (7, 2, 1), "दो", None)
    assert (second.tlvs, third.part) == ({"0x1400": b"1101\0".hex()}, (7, 2, 2))
    assert center.accepted()[number, "two", 2] == 1


@pytest.mark.parametrize(("receipts", "ids"), [("text", "mixed"), ("tlv", "dec")])
def test_forms_of_receipts_and_ids(far_ends_cache: Path, receipts: str, ids: str) -> None:
    with SmsCenter(far_ends_cache, receipts=receipts, ids=ids) as center, Link(center.port) as link:  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        link.bind()
        given = link.submitted(number_for("delivered", 9))[1]
        link.until(lambda: bool(link.news))
        (told,) = link.news
        assert told.word == "DELIVRD"
        assert (bool(told.text), bool(told.tlvs)) == (receipts == "text", receipts == "tlv")
        assert told.id == (str(int(given, 16)) if ids == "mixed" else given)


def test_a_refused_receipt_comes_again_and_is_counted_once(far_ends_cache: Path) -> None:
    given = [0x14, 0]
    with (
        SmsCenter(far_ends_cache, options=["--redeliver-ms", "10"]) as center,
        Link(center.port, answer=lambda _news: given.pop(0)) as link,
    ):
        link.bind()
        number = number_for("delivered", 10)
        link.submit(number)
        link.until(lambda: link.words(number) == ["DELIVRD", "DELIVRD"])
        _wait(lambda: sum(center.acknowledged().values()) == 1)


def test_a_killed_center_goes_on_with_ids_and_owed_receipts(far_ends_cache: Path) -> None:
    with SmsCenter(far_ends_cache) as center:
        with Link(center.port, answer=lambda _news: None) as link:
            link.bind()
            before = [link.submitted(number_for("delivered", n))[1] for n in range(20)]
            center.kill()
        center.start()
        with Link(center.port) as link:
            link.bind()
            after = link.submitted(number_for("delivered", 20))[1]
            link.until(lambda: len(link.news) == 21)
            assert {one.id for one in link.news} == {*before, after}
        assert set(center.accepted().values()) == {1}


def test_orders(far_ends_cache: Path) -> None:
    with SmsCenter(far_ends_cache) as center, Link(center.port) as link:
        link.bind()
        center.say("919700000000", "12345", "HELP")
        link.until(lambda: link.words("919700000000") == ["MO:HELP"])
        center.limit(0.001)
        assert link.submitted(number_for("delivered", 11))[0] == 0x58
        center.behave("mute")
        with pytest.raises(TimeoutError):
            link.ask(0x15, limit_s=0.2)
        center.cut()
        with pytest.raises(ConnectionError):
            link.until(lambda: False)


def _wait(condition: Callable[[], bool], limit_s: float = 5) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def test_the_sink_of_load_runs_counts(tmp_path: Path) -> None:
    sink = FarEnd("sink", [sys.executable, SINK, "--receipts"], tmp_path, talks=True)
    try:
        port = int(sink.read_line().split()[1].rpartition(":")[2])
        with Link(port) as link:
            assert link.bind() == 0
            assert {link.submitted(number_for("delivered", n)) for n in range(2)} == {(0, "00000001"), (0, "00000002")}
            link.until(lambda: [one.word for one in link.news] == ["DELIVRD", "DELIVRD"])
            assert link.ask(ENQUIRE)[0] == 0
            report = json.loads(sink.ask("clear"))
            assert (report["submits"], report["acks"]) == (2, 2)
            assert json.loads(sink.ask("report"))["submits"] == 0
    finally:
        sink.end()
