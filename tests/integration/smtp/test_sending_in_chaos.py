"""A relay that does anything at any time, by seed: each message is answered once, and what is told is what the relay has."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from central.application.ports.carriers import NotSent, NotTaken, Taken, Uncertain
from tests.integration.smtp.relays import Bend, ScriptedRelay, letter, scripted, sending

MESSAGES = 300
DEEDS = {
    "greet": ["421 4.3.2 busy", "554 no", "cut"],
    "ehlo": ["500 what?", "421 busy", "cut"],
    "mail": ["450 4.7.1 later", "550 5.7.1 no", "421 4.3.2 busy", "cut", "what?", "354 go"],
    "rcpt": ["550 5.1.1 no", "450 4.2.2 full", "554 spam", "421 4.3.2 busy", "cut", "nonsense"],
    "data": ["554 5.7.1 no", "451 4.3.0 later", "421 4.3.2 busy", "cut", "250 ok"],
    "dot": ["554 5.7.1 spam", "451 4.3.0 later", "552 5.3.4 large", "421 4.3.2 busy", "cut", "garbage", "354 go"],
}


def moody(seed: int, share: float) -> Bend:
    chance = random.Random(seed)

    def at(verb: str, _argument: str, _connection: int) -> str | None:
        rare = share / 10 if verb in {"greet", "ehlo"} else share
        return chance.choice(DEEDS[verb]) if verb in DEEDS and chance.random() < rare else None

    return at


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("seed", range(8))
async def test_one_answer_each_and_nothing_twice(seed: int, pipelining: bool) -> None:
    far = ScriptedRelay(moody(seed, share=0.05), offers=("PIPELINING", "SIZE 100000") if pipelining else ())
    async with (
        scripted(far),
        sending(far.port, connections=4, retry_first_s=0.01, retry_most_s=0.05, dot_timeout_s=2.0) as ours,
    ):
        left = {letter(n).id: letter(n) for n in range(MESSAGES)}
        final: dict[object, object] = {}
        given = 0
        while left:
            await ours.until(lambda: ours.relay.room() > 0 or any(one.news == "up" for one in ours.moves))
            ours.moves.clear()
            batch = list(left.values())[: max(ours.relay.room(), 1)]
            given += len(batch)
            for told in await ours.send(*batch):
                retried = isinstance(told.answer, NotSent) or (isinstance(told.answer, NotTaken) and told.answer.retry)
                if not retried:
                    assert told.id not in final
                    final[told.id] = told.answer
                    del left[told.id]
        assert len(ours.answers) == given
    got = Counter(to for to, _ in far.taken)
    for number in range(MESSAGES):
        answer, count = final[letter(number).id], got[letter(number).recipient]
        if isinstance(answer, Taken):
            assert count == 1
        else:
            assert count <= (1 if isinstance(answer, Uncertain) else 0)
