"""What a pacing decision promises, by example."""

from __future__ import annotations

import msgspec
import pytest

from central.domain.pacing import Limit, Rule, Snapshot, Why, allowed_chance, decide
from central.domain.pacing_learning import START, DialEnd, Learned, News, learn


def _taught(answers: int = 200, rate: float = 0.2, delay_s: float = 10.0) -> Learned:
    """Somebody who has seen a campaign: one in 1/rate dials is answered, agents talk 90 s and wrap up 15 s."""
    learned = START
    every = round(1 / rate)
    for _ in range(answers):
        dials = [DialEnd(delay_s, live=True)] + [DialEnd(26.0, live=False)] * (every - 1)
        learned = learn(learned, News(after_s=4.0, dials=dials, talks=[90.0], wraps=[15.0]))
    return learned


TAUGHT = _taught()


def test_the_first_calls_of_a_day_are_one_for_each_free_agent() -> None:
    found = decide(Snapshot(idle=7, ringing={3: 2}))
    assert (found.dials, found.why.rule) == (5, Rule.EMPTY_BUDGET)


def test_a_customer_who_waits_takes_an_agent_before_anybody_new_is_dialled() -> None:
    assert decide(Snapshot(idle=3, waiting=2)).dials == 1


def test_answers_earn_the_right_to_dial_ahead() -> None:
    found = decide(Snapshot(idle=20, talking={30: 5}, answers=400, abandons=1, learned=TAUGHT))
    assert found.why.rule is Rule.LOOK_AHEAD
    assert found.dials > 20


def test_it_dials_for_agents_who_will_be_free_when_the_customer_answers() -> None:
    ending = Snapshot(idle=0, wrapping={16: 12}, talking={5: 13}, answers=2000, abandons=40, learned=TAUGHT)
    busy = msgspec.structs.replace(ending, wrapping={}, talking={5: 25})
    assert decide(ending).dials > decide(busy).dials


def test_calls_that_ring_are_counted_on_before_more_are_dialled() -> None:
    calm = Snapshot(idle=10, talking={20: 15}, answers=2000, abandons=40, learned=TAUGHT)
    ringing = msgspec.structs.replace(calm, ringing={8: 20})
    assert decide(ringing).dials < decide(calm).dials


def test_at_the_cap_there_is_one_line_for_each_free_agent_again() -> None:
    found = decide(Snapshot(idle=4, answers=100, abandons=3, learned=TAUGHT))
    assert (found.dials, found.why.rule) == (4, Rule.DAY_CAP)


def test_an_old_picture_is_not_dialled_ahead_on() -> None:
    found = decide(Snapshot(idle=4, answers=1000, age_s=3.5, learned=TAUGHT))
    assert (found.dials, found.why.rule) == (4, Rule.STALE_DATA)


def test_without_a_cap_nothing_is_dialled_ahead() -> None:
    found = decide(Snapshot(idle=4, answers=1000, cap=0.0, learned=TAUGHT))
    assert (found.dials, found.why.rule) == (4, Rule.NO_CAP)


def test_lines_limit_every_rule() -> None:
    ahead = decide(Snapshot(idle=20, answers=1000, lines=3, learned=TAUGHT))
    plain = decide(Snapshot(idle=20, lines=3))
    assert (ahead.dials, ahead.why.limit) == (3, Limit.LINES)
    assert (plain.dials, plain.why.limit) == (3, Limit.LINES)


def test_the_last_unserved_answer_is_kept_for_what_rings() -> None:
    """Less than one to spare: the calls in flight must be as good as sure to find somebody."""
    poor = Snapshot(idle=12, talking={40: 13}, answers=30, learned=TAUGHT)
    found = decide(poor)
    assert found.why.limit is Limit.RESERVE
    assert found.dials < decide(msgspec.structs.replace(poor, answers=2000, abandons=40)).dials


def test_a_richer_budget_allows_more_and_a_larger_team_keeps_more_back() -> None:
    assert allowed_chance(8, 25) > allowed_chance(4, 25) > allowed_chance(1, 25) > 0
    assert allowed_chance(4, 5) > allowed_chance(4, 100)
    assert allowed_chance(1e6, 5) < 0.5


def test_where_more_answer_fewer_are_dialled() -> None:
    scene = Snapshot(idle=10, talking={40: 15}, answers=2000, abandons=40)
    often = decide(msgspec.structs.replace(scene, learned=_taught(rate=0.5)))
    seldom = decide(msgspec.structs.replace(scene, learned=_taught(rate=0.1)))
    assert seldom.dials > 2 * often.dials


@pytest.mark.parametrize(
    ("scene", "words"),
    [
        (Snapshot(idle=1), ("Start 1 call:", "1 idle", "earned anything yet")),
        (Snapshot(idle=0, answers=10, abandons=1), ("Start none", "the cap is reached (-0.70 unserved answers)")),
        (Snapshot(idle=2, age_s=60, answers=900), ("too old",)),
        (Snapshot(idle=2, cap=0, answers=900), ("no unserved answer is allowed",)),
        (Snapshot(idle=2, answers=900), ("too few dials have ended",)),
        (
            Snapshot(idle=20, talking={4: 5}, answers=2000, abandons=40, learned=TAUGHT),
            ("calls: 20 idle, 0 waiting, 0 ringing, 20% of dials answered", "agents get free", "% is allowed", "20.0"),
        ),
    ],
)
def test_the_reason_is_told_in_words_and_numbers(scene: Snapshot, words: tuple[str, ...]) -> None:
    sentence = decide(scene).why.sentence
    assert all(word in sentence for word in words), sentence


def test_a_reason_is_small_and_comes_back_from_the_store() -> None:
    why = decide(Snapshot(idle=20, talking={4: 5}, answers=2000, abandons=40, learned=TAUGHT)).why
    stored = msgspec.json.encode(why)
    assert len(stored) < 300
    assert msgspec.json.decode(stored, type=Why) == why


def test_what_is_learned_comes_back_from_the_store() -> None:
    assert msgspec.json.decode(msgspec.json.encode(TAUGHT), type=Learned) == TAUGHT


def test_the_answer_rate_is_learned_and_followed() -> None:
    assert TAUGHT.rate == pytest.approx(0.2, rel=0.15)
    later = TAUGHT
    for _ in range(150):
        later = learn(later, News(after_s=5.0, dials=[DialEnd(8.0, live=True), DialEnd(26.0, live=False)]))
    assert later.rate == pytest.approx(0.5, rel=0.2)


def test_calls_that_ended_first_are_not_taken_for_all_that_began_with_them() -> None:
    """A wave of 400 dials: at first only failures have ended, then answers too, at last the many who did not answer."""
    wave = START
    for second in range(80):
        dials = [DialEnd(4.0, live=False)] * 50 if second == 4 else []
        dials += [DialEnd(float(second), live=True)] * 8 if 5 <= second < 15 else []
        dials += [DialEnd(26.0, live=False)] * 270 if second == 26 else []
        wave = learn(wave, News(after_s=1.0 if second else 0.0, dials=dials))
        assert wave.rate == START.rate or second > 26
    assert wave.rate == pytest.approx(0.2, abs=0.02)


def test_until_some_fates_are_known_there_is_one_line_for_each_free_agent() -> None:
    found = decide(Snapshot(idle=40, answers=50, ringing={20: 10}))
    assert (found.dials, found.why.rule) == (30, Rule.LEARNING)


def test_horizons_follow_the_time_that_customers_take_to_answer() -> None:
    assert max(_taught(delay_s=5.0).tables.within_s) < min(_taught(delay_s=20.0).tables.within_s)


def test_many_batches_teach_what_one_does() -> None:
    ends = [DialEnd(9.0, live=True), DialEnd(26.0, live=False)]
    later = News(after_s=60.0)
    one = learn(learn(START, News(after_s=2.0, dials=ends, talks=[40.0], wraps=[10.0])), later)
    first = learn(START, News(after_s=2.0, dials=ends[:1], talks=[40.0]))
    many = learn(learn(first, News(after_s=0.0, dials=ends[1:], wraps=[10.0])), later)
    assert one.fates == 2
    assert (many.live, many.dead, many.talk, many.wrap, many.evidence) == (
        one.live,
        one.dead,
        one.talk,
        one.wrap,
        one.evidence,
    )
    assert many.rate == pytest.approx(one.rate)


def test_conversations_that_still_last_keep_the_short_ones_from_being_taken_for_all() -> None:
    """In the first minutes only short talks have ended."""
    blind = seeing = START
    for _ in range(20):
        dials = [DialEnd(10.0, live=True)] + [DialEnd(26.0, live=False)] * 4
        blind = learn(blind, News(after_s=5.0, dials=dials, talks=[8.0]))
        seeing = learn(seeing, News(after_s=5.0, dials=dials, talks=[8.0], talking={100: 40}))
    scene = Snapshot(idle=5, talking={6: 30}, answers=2000, abandons=40)
    assert (
        decide(msgspec.structs.replace(scene, learned=seeing)).dials
        < decide(msgspec.structs.replace(scene, learned=blind)).dials
    )


def test_old_evidence_gives_way() -> None:
    learned = START
    for _ in range(3000):
        learned = learn(learned, News(after_s=1.0, dials=[DialEnd(20.0, live=True)] * 10))
    assert learned.evidence <= 20_000
    assert sum(learned.live) < 20_000


def test_times_outside_of_every_table_do_no_harm() -> None:
    odd = learn(
        START,
        News(
            after_s=1e6,
            dials=[DialEnd(-3.0, live=True), DialEnd(900.0, live=False)] * 20,
            talks=[-1.0, 90_000.0] * 20,
            wraps=[0.0, 1e7] * 20,
        ),
    )
    found = decide(
        Snapshot(
            idle=1, talking={86_400: 2}, wrapping={10_000: 1}, ringing={600: 3}, answers=900, abandons=9, learned=odd
        )
    )
    assert found.dials >= 0
