"""An explanation never fails on what was stored: events of any shape, SIP messages of any text, in any order."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from central.application.ports.reporting import LegTrace
from central.application.ports.telephony import SipMessage
from central.application.reporting.documents import to_document
from central.application.reporting.draw_ladder import sip_ladder
from central.application.reporting.explain_record import explain
from central.application.reporting.read_sip import read_sip
from central.domain.message_events import MessageEvent
from central.domain.statuses import CallStatus, FlowStatus
from central.entrypoints.cli_views import decode
from central.entrypoints.cli_views.show_explanation import show_explanation
from tests.unit.reporting.stories import BASE, Story, policy, prepared

PREPARED, POLICY = prepared(), policy()
KEYS = ("attempt", "check", "rule", "sentence", "value", "due_at", "expires_at", "zones", "dropped", "row", "notes", "numbers",
        "kind", "at", "step", "status", "refused", "start_time", "reconciled", "warnings", "widget", "branch", "to")  # fmt: skip
KINDS = ("record_created", "record_claimed", "record_ended", "record_put_back", "record_rescheduled", "record_paused",
         "flow_walked", "late_news", "leg_held", "something_new")  # fmt: skip
words = st.text(max_size=12) | st.sampled_from(
    ["2026-03-01T12:00:00Z", "window", "claim", "7.4 row 8", "branch", "step", "dial"]
)
leaves = st.none() | st.booleans() | st.integers(-9, 99) | words
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
data = st.none() | st.dictionaries(st.sampled_from(KEYS), values, max_size=6)
statuses = st.none() | st.sampled_from(sorted(FlowStatus))
events = st.tuples(st.integers(0, 50), st.sampled_from(KINDS), statuses, statuses, data, st.booleans())
headers = st.sampled_from(
    [
        "CSeq: 1 INVITE",
        "CSeq: x",
        "Reason: Q.850;cause=17",
        "Reason: ;;",
        "Via: branch=z9",
        " folded",
        "no colon",
        "c: application/sdp",
    ]
)
starts = st.sampled_from(["INVITE sip:x SIP/2.0", "SIP/2.0 180 Ringing", "SIP/2.0 486", "BYE", ""]) | st.text(
    max_size=20
)
hosts = st.sampled_from(["10.0.0.1:5060", "10.0.0.2:5060", "[2001:db8::1]:5060", ""])


@st.composite
def messages(draw: st.DrawFn) -> SipMessage:
    lines = [draw(starts), *draw(st.lists(headers | st.text(max_size=20), max_size=5)), "", draw(st.text(max_size=30))]
    after = timedelta(milliseconds=draw(st.integers(0, 10**8)))
    return SipMessage(BASE + after, draw(st.booleans()), draw(hosts), draw(hosts), "\r\n".join(lines))


sent = st.tuples(
    st.sampled_from([("sms", "DELIVERED"), ("sms", "SENT_TO_QUEUE"), ("email", "Bounced"), ("email", "new word")]),
    st.text(max_size=20), st.text(max_size=20), st.sampled_from([*MessageEvent, "new_kind"]), st.integers(0, 10**5),
)  # fmt: skip


def story_of(
    status: FlowStatus,
    happened: list[tuple[Any, ...]],
    talk: list[SipMessage],
    call: CallStatus | None,
    mail: list[Any],
) -> Story:
    story = Story(status=status)
    for (channel, became), to, words, kind, seconds in mail:
        story.message(
            seconds,
            (seconds, kind, became),
            channel=channel,
            status=became,
            recipient=to,
            reason=words,
            step=words,
            detail=to,
        )
    for seconds, kind, before, after, told, late in happened:
        story.event(seconds, kind, before, after, data=told, late=late)
    story.claimed(1)
    leg = story.leg(1, status=call, sip_code=None if call is None else 480)
    story.traces.append(LegTrace(leg.id, "c", talk, 1))
    return story


@settings(max_examples=40)
@given(
    status=st.sampled_from(sorted(FlowStatus)),
    happened=st.lists(events, max_size=6),
    talk=st.lists(messages(), max_size=6),
    call=st.none() | st.sampled_from(sorted(CallStatus)),
    mail=st.lists(sent, max_size=3),
)
def test_any_history_is_explained_served_read_back_and_shown(
    status: FlowStatus,
    happened: list[tuple[Any, ...]],
    talk: list[SipMessage],
    call: CallStatus | None,
    mail: list[Any],
) -> None:
    told = explain(story_of(status, happened, talk, call, mail).history(), PREPARED, POLICY)
    assert [entry.at for entry in told.timeline] == sorted(entry.at for entry in told.timeline)
    document = json.loads(json.dumps(to_document(told)))
    out = io.StringIO()
    Console(file=out, width=100, highlight=False).print(show_explanation(decode.explanation(document), messages=True))
    printed = out.getvalue()
    assert status in printed
    assert not {c for c in printed if ord(c) < 0x20 and c != "\n"}


@given(talk=st.lists(messages(), min_size=1, max_size=8), width=st.integers(60, 160))
def test_a_ladder_has_an_arrow_a_message_and_keeps_its_width(talk: list[SipMessage], width: int) -> None:
    lines = read_sip(talk)
    drawn = sip_ladder(lines, width=width).splitlines()
    assert len(lines) == len(talk)
    assert len([line for line in drawn if line[2:3] == ":" and line[5:6] == ":"]) == len(talk)
    if len({m.source for m in talk} | {m.target for m in talk}) <= 2:  # more hosts need more room
        assert max(map(len, drawn)) <= width
