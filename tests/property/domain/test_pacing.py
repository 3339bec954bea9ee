"""What holds for every pacing decision."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from central.domain.pacing import STALE_S, Rule, Snapshot, decide
from central.domain.pacing_learning import START, DialEnd, Learned, News, learn

_ages = st.dictionaries(st.integers(0, 2000), st.integers(1, 40), max_size=30)
_ring = st.dictionaries(st.integers(0, 70), st.integers(1, 40), max_size=20)
_times = st.lists(st.floats(0, 4000), max_size=30)
_news = st.builds(
    News,
    after_s=st.floats(0, 600),
    dials=st.lists(st.builds(DialEnd, st.floats(0, 90), st.booleans()), max_size=60),
    talks=_times,
    wraps=_times,
    talking=_ages,
    wrapping=_ages,
)


def _grown(news: list[News]) -> Learned:
    learned = START
    for one in news:
        learned = learn(learned, one)
    return learned


_learned = st.lists(_news, max_size=4).map(_grown)
snapshots = st.builds(
    Snapshot,
    idle=st.integers(0, 200),
    talking=_ages,
    wrapping=_ages,
    ringing=_ring,
    waiting=st.integers(0, 20),
    answers=st.integers(0, 5000),
    abandons=st.integers(0, 200),
    cap=st.sampled_from((0.0, 0.01, 0.03, 0.05)),
    lines=st.integers(0, 2000),
    age_s=st.sampled_from((0.0, 1.0, 10.0)),
    learned=_learned,
)


def _one_line_for_each(scene: Snapshot) -> int:
    return min(scene.lines, max(0, scene.idle - scene.waiting - sum(scene.ringing.values())))


@given(snapshots)
def test_never_below_zero_nor_above_the_lines_and_always_with_a_reason(scene: Snapshot) -> None:
    found = decide(scene)
    assert 0 <= found.dials <= scene.lines
    assert found.why.dials == found.dials
    assert found.why.sentence.endswith(".")
    assert 0 <= found.why.chance <= 1


@given(snapshots)
def test_never_less_than_one_line_for_each_free_agent(scene: Snapshot) -> None:
    assert decide(scene).dials >= _one_line_for_each(scene)


@given(snapshots)
def test_with_an_empty_budget_or_old_news_exactly_one_line_for_each_free_agent(scene: Snapshot) -> None:
    empty = msgspec.structs.replace(scene, abandons=int(scene.cap * scene.answers) + 1)
    stale = msgspec.structs.replace(scene, age_s=STALE_S + 0.1)
    for one in (empty, stale):
        found = decide(one)
        assert found.why.rule is not Rule.LOOK_AHEAD
        assert found.dials == _one_line_for_each(one)


@given(snapshots)
def test_one_more_idle_agent_never_means_fewer_calls(scene: Snapshot) -> None:
    """He comes from a talk or is new; the reserve of a larger team is kept out of the comparison by taking him from another."""
    talking = dict(scene.talking)
    age = max(talking, default=None)
    if age is None:
        return
    freed = {one: many - (one == age) for one, many in talking.items()}
    idler = msgspec.structs.replace(scene, idle=scene.idle + 1, talking=freed)
    assert decide(idler).dials >= decide(scene).dials


@given(snapshots)
def test_one_more_unserved_answer_never_means_more_calls(scene: Snapshot) -> None:
    worse = msgspec.structs.replace(scene, abandons=scene.abandons + 1)
    assert decide(worse).dials <= decide(scene).dials


@given(snapshots)
def test_the_same_picture_gives_the_same_decision(scene: Snapshot) -> None:
    assert decide(scene) == decide(msgspec.structs.replace(scene))


@given(st.lists(_news, max_size=6))
def test_what_is_learned_stays_within_reason(news: list[News]) -> None:
    learned = _grown(news)
    assert 0 < learned.rate < 1
    assert 0 < learned.variance <= 0.04
    tables = learned.tables
    assert all(0 <= one <= 1 for row in (*tables.talk, *tables.wrap) for one in row[::3])
    assert all(-1e-9 <= one <= 1 + 1e-9 for row in tables.ring for one in row)
    assert list(tables.within_s) == sorted(tables.within_s)
