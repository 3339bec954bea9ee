"""A live call that goes on in another flow: found as it stands, walked there, and still a record of its own flow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest

from central.application.conversation.await_receipts import AwaitReceipts
from central.application.conversation.go_on_in_flow import GoOnInFlow
from central.application.conversation.run_errands import Runner, Staged
from central.application.conversation.send_messages import SendShortMessages
from central.application.ports.flow_names import NamedFlow
from central.application.ports.library import Library
from central.application.ports.reporting import EventRow
from central.application.reporting.tell_path import tell_path
from central.domain.ids import AccountId, FlowId
from central.flow.errands import FLOW_REFUSALS, Errand, SendSms, TransferToFlow
from central.flow.prepared import PreparedFlow, prepare_flow
from examples.carrier.demo import number_for
from tests.fakes.messages import MemorySms
from tests.fakes.observed import ObservedTelemetry
from tests.fakes.voice_rig import VoiceRig, play

VERSION, OTHER = UUID(int=7), FlowId("othrflow")
FLOW = b"""
flow: reception
type: multicast
purpose: service
calls: {attempts: 1, ring_timeout: 4s, short_hangup: 0s}
variables: {Name: {}, Pin: {secret: true}}
steps:
  start: {widget: start, next: call}
  call: {widget: make_call, on: {connected: over, busy: end, no_answer: end, failed: end}}
  over: {widget: transfer_call, flow: desk, on: {failed: sorry}}
  sorry: {widget: play, say: Sorry., next: bye}
  bye: {widget: hang_up}
"""
DESK = b"""
flow: desk
type: inbound
purpose: transactional
variables: {Card: {secret: true}}
steps:
  start: {widget: start, next: answer}
  answer: {widget: answer_call, next: note}
  note: {widget: store_variable, set: {Card: "4111", Heard: "{{ $flow.syskey.flow_version }}"}, next: menu}
  menu: {widget: menu, say: Press one., digits: {"1": bye}, tries: 1, on: {no_input: bye, invalid_exhausted: bye}}
  bye: {widget: hang_up}
  gone: {widget: on_remote_hangup, next: left}
  left: {widget: store_variable, set: {Left: "yes"}}
"""


class Flows:
    """One other flow, as it stands; found after ``slow_s``."""

    def __init__(self, stands: Mapping[str, Any] | None, slow_s: float = 0.0, document: bytes = DESK) -> None:
        usual: dict[str, Any] = {"type": "inbound", "archived": False, "running": True, "version_id": VERSION}
        self.named = None if stands is None else NamedFlow(id=OTHER, name="desk", **(usual | dict(stands)))
        self.slow_s, self.document = slow_s, document
        self.asked: list[str] = []

    async def find_flow(self, account_id: AccountId, flow: str) -> NamedFlow | None:
        del account_id
        self.asked.append(flow)
        await asyncio.sleep(self.slow_s)
        return self.named

    async def flows(self, ids: Iterable[UUID]) -> Mapping[UUID, PreparedFlow]:
        return {id_: prepare_flow(id_, AccountId(UUID(int=1)), OTHER, 3, self.document) for id_ in ids}


def rig_with(flows: Flows, sms: MemorySms | None = None) -> VoiceRig:
    runners: dict[type[Errand], Runner | Staged] = {TransferToFlow: GoOnInFlow(flows, cast("Library", flows))}
    if sms is not None:
        runners[SendSms] = SendShortMessages(sms, AwaitReceipts(sms, ObservedTelemetry()))
    return VoiceRig(flow=FLOW, runners=runners)


def one(flows: Flows, callee: str = "answers", variables: dict[str, str] | None = None) -> VoiceRig:
    async def story(rig: VoiceRig) -> None:
        rig.call(number_for(callee, 1), variables=variables)
        await rig.finish()

    return play(rig_with(flows), story)


def result(rig: VoiceRig) -> Any:
    (record_id,) = rig.handed
    return rig.result(record_id)


def told(rig: VoiceRig) -> list[EventRow]:
    """What the history would tell of the flow."""
    rows: list[EventRow] = []
    for event in rig.journal.told("flow_walked"):
        notes = [
            {key: value.isoformat() if isinstance(value, datetime) else value for key, value in note.items()}
            for note in cast("list[dict[str, object]]", event.data["notes"])
        ]
        data = {**event.data, "notes": notes}
        rows.append(EventRow(event.id, event.at, event.late, event.kind, None, None, None, "node", data))
    return rows


def test_the_call_goes_on_there_and_its_record_ends_as_one_of_its_own_flow() -> None:
    flows = Flows({})
    rig = one(flows, "presses_1")
    assert flows.asked == ["desk"]
    end = result(rig)
    assert (end.status, end.variables["Heard"]) == ("COMPLETED", "3")
    assert end.data["flow"] == {"id": OTHER, "name": "desk", "version": "3"}
    (begun,) = rig.journal.told("errand_begun")
    assert begun.data == {"attempt": 1, "step": "over", "errand": "TransferToFlow"}
    path, entries = tell_path(told(rig))
    assert [(step.step, step.flow, step.flow_version) for step in path] == [
        ("start", "", ""),
        ("call", "", ""),
        ("over", "", ""),
        ("start", "desk", "3"),
        ("answer", "desk", "3"),
        ("note", "desk", "3"),
        ("menu", "desk", "3"),
        ("bye", "desk", "3"),
    ]
    assert (path[2].left_by, path[2].did) == ("flow", ("goes on in flow desk (version 3)",))
    assert (path[3].came_from, path[3].came_by) == ("over", "flow")
    titles = [entry.title for entry in entries]
    assert "The call goes on in flow desk (version 3)" in titles
    assert "Step menu of flow desk (menu)" in titles


def test_the_customer_who_hangs_up_there_has_that_flows_last_path() -> None:
    end = result(one(Flows({}), "hangs_up_mid_flow"))
    assert (end.status, end.reason) == ("PARTIAL_COMPLETE", "customer_left")
    assert end.variables["Left"] == "yes"


def test_what_only_the_other_flow_holds_secret_is_not_kept() -> None:
    end = result(one(Flows({}), variables={"Name": "Asha", "Pin": "4711"}))
    assert end.variables == {"Name": "Asha", "Pin": "4711", "Heard": "3"}
    came = result(one(Flows({}), variables={"Card": "as it came"}))
    assert came.variables == {"Card": "as it came", "Heard": "3"}


@pytest.mark.parametrize("sends", ["note", "menu"])
def test_what_either_flow_holds_secret_is_not_shown_of_its_messages(sends: str) -> None:
    document = DESK.replace(b"variables: {", b"variables: {Pin: {}, ").replace(
        f"next: {sends}}}".encode(), b"next: code}"
    ).replace(
        b"steps:\n",
        b"steps:\n  code: {widget: sms, text: 'Card {{ $flow.key.Card }}, PIN {{ $flow.key.Pin }}', to: '{{ $flow.key.Pin }}', "
        b"on: {accepted: SENDS, failed: bye}}\n".replace(b"SENDS", sends.encode()),
    )  # fmt: skip
    sms = MemorySms()

    async def story(rig: VoiceRig) -> None:
        rig.call(number_for("answers", 1), variables={"Pin": "919812345678", "Card": "4222"})
        await rig.finish()

    rig = play(rig_with(Flows({}, document=document), sms), story)
    (message,) = sms.sent
    assert (message.to, message.hidden, message.shown) == ("919812345678", True, "Card ***, PIN ***")
    assert "919812345678" in message.text
    assert "4222" in message.text or "4111" in message.text
    assert "919812345678" not in str(told(rig))


@pytest.mark.parametrize(
    ("stands", "refusal"),
    [
        (None, "flow_unknown"),
        ({"archived": True}, "flow_archived"),
        ({"type": "dialer"}, "flow_kind"),
        ({"type": "masking"}, "flow_kind"),
        ({"running": False}, "flow_not_running"),
        ({"version_id": None}, "flow_not_published"),
    ],
)
def test_a_flow_that_cannot_be_entered_leaves_the_customer_where_he_is(
    stands: Mapping[str, Any] | None, refusal: str
) -> None:
    rig = one(Flows(stands))
    assert refusal in FLOW_REFUSALS
    assert result(rig).status == "COMPLETED"
    assert "flow" not in result(rig).data
    path, entries = tell_path(told(rig))
    assert [step.step for step in path] == ["start", "call", "over", "sorry", "bye"]
    assert any(refusal.replace("_", " ") in entry.title or refusal in entry.title for entry in entries)


def test_a_customer_who_leaves_while_it_is_looked_up_has_left_the_first_flow() -> None:
    rig = one(Flows({}, slow_s=5.0), "hangs_up_at_once")
    end = result(rig)
    assert "Heard" not in end.variables
    assert "flow" not in end.data


def test_a_lookup_that_takes_too_long_fails_the_step() -> None:
    rig = one(Flows({}, slow_s=timedelta(minutes=1).total_seconds()))
    path, _ = tell_path(told(rig))
    assert [step.step for step in path][-2:] == ["sorry", "bye"]
