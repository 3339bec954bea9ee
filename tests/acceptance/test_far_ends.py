"""What the far ends saw: each leg exactly once, by the Call-ID that its explanation names, and the caller that it showed."""

from __future__ import annotations

from collections import defaultdict

import pytest

from tests.acceptance.laboratory import Laboratory


@pytest.mark.all_files
def test_no_number_is_called_twice_in_an_attempt_and_nothing_is_called_unexplained(laboratory: Laboratory) -> None:
    legs: dict[str, tuple[str, int]] = {}
    for played in laboratory.all_played():
        for seen in played.seen.values():
            for attempt in seen.detail["attempts"]:
                for leg in attempt["legs"]:
                    if leg["sip_call_id"]:
                        legs[leg["sip_call_id"]] = (attempt["attempt_id"], leg["position"])
    called: dict[tuple[str, str], set[str]] = defaultdict(set)
    for invite in laboratory.far_ends.invites():
        attempt, _, rest = invite.attempt.partition(";")
        called[attempt, rest.rpartition("position=")[2]].add(invite.call_id)
    known = {attempt for attempt, _ in legs.values()}
    of_cases = {key: calls for key, calls in called.items() if key[0] in known}
    assert of_cases
    for (attempt, position), calls in of_cases.items():
        assert all(legs.get(call) == (attempt, int(position)) for call in calls), (attempt, position)
    # a second Call-ID for one (attempt, number) is lawful only where the first trunk's carrier had no channel
    again = {key: calls for key, calls in of_cases.items() if len(calls) > 1}
    failover = laboratory.played("trunks").seen["503, then the next trunk answers"].detail["attempts"][0]["attempt_id"]
    assert {attempt for attempt, _ in again} <= {failover}


@pytest.mark.all_files
def test_every_sent_leg_arrived_somewhere(laboratory: Laboratory) -> None:
    arrived = {invite.call_id for invite in laboratory.far_ends.invites()}
    for played in laboratory.all_played():
        for name, seen in played.seen.items():
            for leg in seen.legs:
                by_carrier = leg["trunk"] not in (None, "closed port")  # None: to an agent's phone, where it registered
                if leg["direction"] == "outbound" and leg["sip_call_id"] and by_carrier:
                    assert leg["sip_call_id"] in arrived, f"{played.file.name}/{name}"


@pytest.mark.case_file("anonymous")
def test_an_anonymous_call_shows_no_number(laboratory: Laboratory) -> None:
    (leg,) = laboratory.played("anonymous").seen["anonymous caller"].legs
    (invite,) = [i for i in laboratory.far_ends.invites() if i.call_id == leg["sip_call_id"]]
    assert "anonymous.invalid" in invite.caller
    assert "9180000" not in invite.caller


@pytest.mark.case_file("answers")
def test_other_calls_show_the_flows_did(laboratory: Laboratory) -> None:
    (leg,) = laboratory.played("answers").seen["180 then 200"].legs
    (invite,) = [i for i in laboratory.far_ends.invites() if i.call_id == leg["sip_call_id"]]
    assert "918000000001" in invite.caller
