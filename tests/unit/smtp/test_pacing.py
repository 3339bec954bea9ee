from __future__ import annotations

from central.adapters.smtp.pacing import PATIENCE_S, Waiting
from tests.unit.smtp.talking import envelope


def test_without_caps_messages_go_in_order() -> None:
    waiting = Waiting(0.0, {}, 0.0)
    for number in range(5):
        assert waiting.add(envelope(number), 0.0) == 0.0
    assert [waiting.pop(0.0) for _ in range(6)] == [*(envelope(number) for number in range(5)), None]
    assert waiting.next_at() is None


def test_a_relay_gets_no_more_than_its_rate() -> None:
    waiting = Waiting(10.0, {}, 0.0)
    for number in range(100):
        waiting.add(envelope(number), 0.0)
    sent = [sum(waiting.pop(now / 100) is not None for _ in range(100)) for now in range(500)]
    assert sent[0] == 10  # a second's worth at most
    assert sum(sent) in range(58, 61)
    assert waiting.next_at() is not None


def test_a_slow_domain_holds_nobody_else_back() -> None:
    waiting = Waiting(0.0, {"SLOW.example": 1.0}, 0.0)
    for number in range(4):
        waiting.add(envelope(number, to="p@Slow.Example"), 0.0)
    waiting.add(envelope(9, to="p@fast.example"), 0.0)
    went = [waiting.pop(0.0) for _ in range(3)]
    assert [one and one.id for one in went] == [envelope(0).id, envelope(9).id, None]
    assert waiting.next_at() == 1.0
    assert waiting.pop(0.99) is None
    assert waiting.pop(1.0) is not None


def test_what_would_wait_too_long_is_given_back_with_a_time() -> None:
    waiting = Waiting(0.0, {}, 2.0)
    late = [waiting.add(envelope(number, to="p@slow.example"), 0.0) for number in range(30)]
    taken = late.count(0.0)
    assert taken == PATIENCE_S * 2 + 1
    assert late[taken:] == sorted(late[taken:])
    assert late[-1] - late[taken] == 0.5 * (30 - taken - 1)  # each has a place of its own
    assert len(waiting) == taken


def test_idle_lanes_are_forgotten() -> None:
    waiting = Waiting(0.0, {}, 1.0)
    for number in range(100):
        waiting.add(envelope(number, to=f"p@d{number}.example"), 0.0)
    while waiting.pop(0.0):
        pass
    waiting.forget(0.5)
    assert waiting.lanes == 100
    waiting.forget(1.0)
    assert waiting.lanes == 0


def test_everything_can_be_taken_out() -> None:
    waiting = Waiting(0.0, {"slow.example": 1.0}, 0.0)
    waiting.add(envelope(1, to="p@slow.example"), 0.0)
    waiting.add(envelope(2), 0.0)
    assert {one.id for one in waiting.clear()} == {envelope(1).id, envelope(2).id}
    assert (len(waiting), waiting.pop(9.0), waiting.next_at()) == (0, None, None)
