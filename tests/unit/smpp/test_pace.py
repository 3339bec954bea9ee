"""Rates, rests and recovery on virtual time."""

from __future__ import annotations

import pytest

from central.adapters.smpp import events as told
from central.adapters.smpp import pdu as wire
from central.adapters.smpp.config import Throttling
from central.adapters.smpp.pace import Bucket, Pace
from tests.unit.smpp.rig import Rig, config, ticket


def sent_in(pace: Pace, begin: float, seconds: float) -> int:
    sent, now = 0, begin
    while now < begin + seconds:
        room = pace.room(now)
        assert room is not None
        pace.take(room, now)
        sent += room
        pace.accepted(now)
        now += 0.01
    return sent


def test_a_bucket_keeps_its_rate_and_its_burst() -> None:
    bucket = Bucket(50.0, 0.1)
    sent, now = 0, 0.0
    while now < 10:
        room = bucket.room(now)
        assert room is not None
        assert room <= 5
        bucket.take(room, now)
        sent += room
        now += 0.001
    assert 495 <= sent <= 505
    bucket.take(0, 20)
    assert bucket.room(20) == 5  # ten idle seconds are no credit
    slow = Bucket(0.5, 0.1)
    assert slow.room(0) == 1
    slow.take(1, 0)
    assert slow.room(1.9) == 0
    assert slow.due(1.9) == pytest.approx(2.0)
    assert slow.room(2.0) == 1


def test_throttling_rests_halves_and_recovers() -> None:
    pace = Pace(100.0, 0.1, Throttling(), lambda: 0.5)
    assert 90 <= sent_in(pace, 0, 1) <= 115
    assert pace.throttled(sent_at=0.99, now=1.0) == 1.0
    assert pace.slow
    assert pace.room(1.9) == 0
    assert pace.due(1.9) == 2.0
    assert pace.bucket.rate is not None
    assert 45 <= pace.bucket.rate <= 55
    assert pace.throttled(sent_at=0.98, now=1.1) == pytest.approx(0.9)  # what was sent before the rest counts once
    assert 45 <= sent_in(pace, 2.0, 1) <= 60
    sent_in(pace, 3.0, 20)
    assert not pace.slow
    assert pace.bucket.rate == 100.0
    assert pace.throttled(sent_at=23.5, now=24.0) == 1.0  # short again


def test_a_carrier_that_throttles_for_ever_is_asked_once_a_minute() -> None:
    pace = Pace(100.0, 0.1, Throttling(), lambda: 0.5)
    now, asked = 0.0, 0
    while now < 3600:
        now = max(now, pace.due(now))
        pace.take(1, now)
        pace.throttled(now, now)
        asked += 1
    assert asked <= 70
    assert pace.throttled(now, now) == 60.0


def test_without_a_limit_the_rate_that_was_seen_is_halved() -> None:
    pace = Pace(None, 0.1, Throttling(), lambda: 0.5)
    assert pace.room(0) is None
    for tenth in range(30):
        pace.take(20, tenth / 10)  # 200 a second
    pace.throttled(2.9, 3.0)
    assert pace.bucket.rate is not None
    assert 80 <= pace.bucket.rate <= 120
    now = 4.0
    while pace.slow:
        now += 1.0
        pace.accepted(now)
    assert now < 20
    for _ in range(100):
        now += 1.0
        pace.accepted(now)
    assert pace.room(now) is None  # no limit again


def test_one_full_queue_delays_its_message_several_delay_the_bind() -> None:
    pace = Pace(None, 0.1, Throttling(), lambda: 0.5)
    assert pace.queue_full("1", 1, 0.0, 0.0) == 5.0
    assert pace.queue_full("1", 2, 1.0, 1.0) == 10.0
    assert pace.queue_full("1", 50, 2.0, 2.0) == 300.0
    assert pace.room(2.0) is None
    pace.queue_full("2", 1, 2.0, 2.0)
    pace.queue_full("3", 1, 2.0, 2.0)
    assert pace.slow
    assert pace.room(2.0) == 0
    fresh = Pace(None, 0.1, Throttling(), lambda: 0.5)
    for n in range(10):
        fresh.queue_full(str(n), 1, n * 6.0, n * 6.0)  # never three within ten seconds
    assert not fresh.slow


def test_the_session_tells_when_it_is_slowed_down_and_when_it_is_over() -> None:
    rig = Rig(config(rate=10.0, window=50)).bind()
    rig.now += 1
    (request,) = rig.send(ticket())
    (answered, moved) = rig.answer(request, wire.RTHROTTLED)
    assert isinstance(answered, told.Answered)
    assert answered.delay_s == 1.0
    assert isinstance(moved, told.PaceMoved)
    assert moved.slow
    assert rig.session.room(rig.now) == 0
    for n in range(200):
        rig.now += 0.25
        if rig.session.room(rig.now):
            rig.answer(rig.send(ticket(n))[0])
    assert [event.slow for event in rig.of(told.PaceMoved)] == [True, False]


def test_a_congested_smsc_of_version_5_slows_the_bind_down() -> None:
    rig = Rig().bind(tlvs=((0x0210, b"\x50"),))
    (request,) = rig.send(ticket())
    rig.hear(
        wire.MessageAnswer(
            command=request.command | wire.RESPONSE,
            sequence=request.sequence,
            message_id="1",
            tlvs=((0x0428, b"\x5f"),),
        )
    )
    assert [event.slow for event in rig.of(told.PaceMoved)] == [True]
