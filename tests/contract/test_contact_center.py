"""The promises of the door of the contact center. The room that stands behind it later adds itself to this suite."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from uuid import uuid4

import pytest

from central.adapters.simulator.virtual_time import run_virtually
from central.application.ports.contact_center import AgentAnswer, AgentWish, ContactCenter, WaitStage
from central.domain.ids import AccountId, LegId, RecordId
from tests.fakes.contact_center import MemoryContactCenter, MemoryQueue

Opened = Callable[[list[str], int], ContactCenter]


def memory(agents: list[str], places: int) -> ContactCenter:
    return MemoryContactCenter({"support": MemoryQueue(agents, places=places)})


@pytest.fixture(params=[memory], ids=["memory"])
def opened(request: pytest.FixtureRequest) -> Opened:
    found: Opened = request.param
    return found


def wish(queue: str = "support", max_wait_s: float = 3.0) -> AgentWish:
    return AgentWish(
        account_id=AccountId(uuid4()), record_id=RecordId(uuid4()), leg=LegId(uuid4()), number="919800000001",
        queue=queue, max_wait_s=max_wait_s,
    )  # fmt: skip


def connect(door: ContactCenter, asked: AgentWish) -> tuple[AgentAnswer, list[WaitStage]]:
    stages: list[WaitStage] = []
    answers: list[AgentAnswer] = []

    async def main() -> None:
        answers.append(await door.connect(asked, stages.append))

    run_virtually(main())
    return answers[0], stages


def test_they_talk_and_the_answer_names_the_agent(opened: Opened) -> None:
    answer, stages = connect(opened(["Asha"], 5), wish())
    assert (answer.outcome, answer.agent, stages) == ("agent_allocated", "Asha", ["conversation"])


@pytest.mark.parametrize(
    ("agents", "places", "queue", "outcome"),
    [
        ([], 5, "support", "max_wait_time_reached"),
        (["Asha"], 0, "support", "queue_full"),
        ([], 5, "odd", "no_agent_available"),
    ],
)
def test_no_conversation_no_stage(opened: Opened, agents: list[str], places: int, queue: str, outcome: str) -> None:
    answer, stages = connect(opened(agents, places), wish(queue))
    assert (answer.outcome, stages) == (outcome, [])


def test_a_customer_who_is_gone_leaves_his_place_and_the_agent(opened: Opened) -> None:
    door = opened(["Asha"], 1)

    async def main() -> None:
        for _ in range(2):
            waits = asyncio.ensure_future(door.connect(wish(), lambda _: None))
            await asyncio.sleep(2)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
        assert (await door.connect(wish(), lambda _: None)).outcome == "agent_allocated"

    run_virtually(main())
