"""The internal functions on a node: asked with ids that stay the same, again while the store is away, told to the flow once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
import pytest

from central.application.conversation.call_functions import CallFunctions
from central.application.ports.internal_functions import FlowStart, NewLink, StartAnswer
from central.domain.errors import NeighbourError
from central.domain.ids import AccountId, RecordId, derived_uuid
from central.flow.errands import ShortenLink, StartFlow, UpdateContact
from examples.carrier.demo import number_for
from tests.fakes.voice_rig import FLOW, VoiceRig, play


@dataclass
class Store:
    """All three ports in memory; ``away`` calls fail first, and what they asked for was stored all the same."""

    away: int = 0
    started: dict[object, FlowStart] = field(default_factory=dict[object, FlowStart])
    links: dict[object, NewLink] = field(default_factory=dict[object, NewLink])
    contacts: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    asked: int = 0
    room: bool = True

    def _reach(self) -> None:
        self.asked += 1
        if self.asked <= self.away:
            raise NeighbourError("database_unavailable", "PostgreSQL does not answer")

    async def __call__(self, account_id: AccountId, wanted: FlowStart) -> StartAnswer:
        del account_id
        self.started.setdefault(wanted.request_id, wanted)
        self._reach()
        if wanted.flow == "closed":
            return StartAnswer(False, "flow_inactive: Flow closed is switched off.")
        return StartAnswer(True, "record r: UNPROCESSED", RecordId(wanted.request_id), "UNPROCESSED")

    async def merge(self, account_id: AccountId, number: str, values: Mapping[str, str], now: datetime) -> bool:
        del account_id, now
        self._reach()
        self.contacts.setdefault(number, {}).update(values)
        return self.room

    async def add(self, account_id: AccountId, link: NewLink) -> str:
        del account_id
        kept = self.links.setdefault(link.id, link)
        self._reach()
        return kept.code


def played(step: str, store: Store, number: str | None = None) -> VoiceRig:
    """A call whose flow, once answered, does this step and stores what came of it."""
    text = FLOW.decode().replace("connected: greet", "connected: first")
    lines = f"  first: {{{step}}}\n  good: {{widget: hang_up}}\n  bad: {{widget: hang_up}}\n"
    rig = VoiceRig(flow=text.replace("  greet:", f"{lines}  greet:").encode())

    async def story(rig: VoiceRig) -> None:
        functions = CallFunctions(store, store, store, rig.clock, rig.ids, rig.telemetry, "https://c.example/l/")
        rig.runners |= {  # type: ignore[operator]
            StartFlow: functions.start_flow, UpdateContact: functions.update_contact, ShortenLink: functions.shorten_link,
        }  # fmt: skip
        rig.call(number or number_for("answers", 1))
        await rig.idle()

    return play(rig, story)


def path(rig: VoiceRig) -> list[object]:
    notes = [note for event in rig.journal.events for note in _notes(event.data)]
    return [note["step"] for note in notes if note["kind"] == "step" and note["step"] != "on_flow_complete"]


def _notes(data: Mapping[str, object]) -> list[dict[str, object]]:
    return msgspec.convert(data.get("notes", []), list[dict[str, object]])


def test_another_flow_is_started_once_though_the_store_was_away() -> None:
    store = Store(away=2)
    rig = played("widget: start_flow, flow: other, store: Next, on: {started: good, failed: bad}", store)
    assert path(rig)[-1] == "good"
    (wanted,) = store.started.values()
    (handed,) = rig.handed.values()
    record = handed.record
    assert wanted.request_id == derived_uuid(handed.attempt_id, 1)
    assert (wanted.started_by, wanted.request_of_starter, wanted.testing) == (record.id, record.request_id, True)
    assert (wanted.number, wanted.flow) == (f"+{record.numbers[0]}", "other")
    assert [name for name, _ in rig.telemetry.events].count("errand_delayed") == 2
    assert rig.journal.results[-1].variables["Next"] == str(wanted.request_id)


def test_two_errands_of_a_call_have_ids_of_their_own() -> None:
    store = Store()
    again = "first: {widget: start_flow, flow: a, on: {started: second}}\n  second: {widget: start_flow, flow: b"
    played(f"{again.removeprefix('first: {')}, on: {{started: good}}", store)
    assert [wanted.flow for wanted in store.started.values()] == ["a", "b"]


def test_a_refused_start_takes_the_failed_branch_with_its_reason() -> None:
    rig = played("widget: start_flow, flow: closed, on: {started: good, failed: bad}", Store())
    assert path(rig)[-1] == "bad"
    told = [note for event in rig.journal.events for note in _notes(event.data) if note["kind"] == "errand"]
    assert [note["detail"] for note in told] == ["flow_inactive: Flow closed is switched off."]


def test_a_store_that_stays_away_ends_the_step_at_its_limit() -> None:
    rig = played("widget: update_contact, set: {L: hi}, next: good, on: {error: bad}", Store(away=10_000))
    assert path(rig)[-1] == "bad"


def test_values_are_kept_under_the_number_of_the_record() -> None:
    store = Store(away=1)
    rig = played("widget: update_contact, set: {L: hi}, next: good, on: {error: bad}", store)
    assert path(rig)[-1] == "good"
    assert store.contacts == {number_for("answers", 1): {"L": "hi"}}
    full = played("widget: update_contact, set: {L: hi}, next: good, on: {error: bad}", Store(room=False))
    assert path(full)[-1] == "bad"


def test_a_link_is_made_once_and_stored() -> None:
    store = Store(away=2)
    rig = played("widget: short_link, url: 'https://x.example/ä ö?q=ü%20', days: 2, store: Link, next: good", store)
    (link,) = store.links.values()
    assert link.url == "https://x.example/%C3%A4%20%C3%B6?q=%C3%BC%20"
    assert (link.expires_at - link.created_at).days == 2
    assert rig.journal.results[-1].variables["Link"] == f"https://c.example/l/{link.code}"


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x.example/",
        "javascript:alert(1)",
        "https://",
        "/form",
        "",
        "https://ä.example/",
        "https://x/" + "a" * 2100,
    ],
)
def test_what_is_no_web_address_is_not_made_short(url: str) -> None:
    store = Store()
    rig = played(
        f"widget: short_link, url: '{url}{{{{ $flow.key.None }}}}', store: Link, next: good, on: {{error: bad}}", store
    )
    assert path(rig)[-1] == "bad"
    assert not store.links
