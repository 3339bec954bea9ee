"""What a saved or owed disposition does to the wrap-up, and who is asked first for a call that was promised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from central.domain.agent_moves import AgentNow, Terms, after_talk
from central.domain.agents import FreeAgent, Membership, QueueRule, WaitingCall, assign
from central.domain.statuses import AgentStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "limit", "status", "wrap_up_s"),
    [
        ("", None, AgentStatus.IDLE, None),
        ("", 0, AgentStatus.WRAPPING_UP, 0),
        ("", 30, AgentStatus.WRAPPING_UP, 30),
        ("owed", None, AgentStatus.WRAPPING_UP, 0),
        ("owed", 0, AgentStatus.WRAPPING_UP, 0),
        ("owed", 30, AgentStatus.WRAPPING_UP, 30),
        ("saved", None, AgentStatus.IDLE, None),
        ("saved", 0, AgentStatus.IDLE, None),
        ("saved", 30, AgentStatus.WRAPPING_UP, 30),
    ],
)
def test_wrap_up_follows_what_is_said(
    said: str, limit: float | None, status: AgentStatus, wrap_up_s: float | None
) -> None:
    after = after_talk(AgentNow(AgentStatus.ON_CALL, said=said), Terms(limit))
    assert (after.status, after.wrap_up_s) == (status, wrap_up_s)


@pytest.mark.parametrize(
    ("passed", "free", "rung"), [(False, True, "binu"), (True, True, "asha"), (False, False, "asha")]
)
def test_who_promised_a_call_is_asked_first_as_long_as_he_is_free(*, passed: bool, free: bool, rung: str) -> None:
    queue, asha, binu = UUID(int=1), UUID(int=2), UUID(int=3)
    agents = [
        FreeAgent(id=asha, since=NOW - timedelta(hours=1), calls=0, skills={}, queues={queue: Membership(1, 0)}),
        FreeAgent(id=binu, since=NOW, calls=9, skills={}, queues={queue: Membership(2, 0)}),
    ][: 2 if free else 1]
    call = WaitingCall(
        id=UUID(int=9), queue=queue, since=NOW, preferred=binu, passed=frozenset({binu} if passed else ())
    )
    (match,) = assign({queue: QueueRule(id=queue)}, [call], agents, NOW, lambda _: 0)
    assert match.agents == ({"asha": asha, "binu": binu}[rung],)
