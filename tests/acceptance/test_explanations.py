"""What a record's explanation must hold, and hold together: checks, ladder, path, digits, the rule behind each status."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from tests.acceptance.case_files import case_files
from tests.acceptance.laboratory import Laboratory
from tests.acceptance.seen import Seen, messages_of


def seen_of(laboratory: Laboratory, file: str, name: str) -> Seen:
    return laboratory.played(file).seen[name]


@pytest.mark.all_files
def test_every_status_of_every_record_has_its_rule_and_a_sentence(laboratory: Laboratory) -> None:
    for played in laboratory.all_played():
        for name, seen in played.seen.items():
            for line in seen.explanation["statuses"]:
                assert line["rule"], f"{played.file.name}/{name}: {line}"
                assert line["sentence"], f"{played.file.name}/{name}: {line}"
            assert seen.explanation["sentence"], f"{played.file.name}/{name}"


@pytest.mark.all_files
def test_every_call_that_was_sent_has_its_whole_ladder(laboratory: Laboratory) -> None:
    for played in laboratory.all_played():
        for name, seen in played.seen.items():
            assert seen.complete(), f"{played.file.name}/{name}: a call without its SIP messages"
            for leg in seen.legs:
                messages = messages_of(leg)
                if not messages:
                    continue
                assert leg["sip"]["missing"] == 0, f"{played.file.name}/{name}"
                by_us = leg["direction"] == "outbound"
                assert (messages[0]["label"], messages[0]["sent"]) == ("INVITE", by_us), f"{played.file.name}/{name}"
                assert leg["sip"]["ladder"].count("\n") >= len(messages), f"{played.file.name}/{name}"
                times = [message["at"] for message in messages]
                assert times == sorted(times), f"{played.file.name}/{name}"


@pytest.mark.case_file("answers")
def test_log_in_data_never_leaves_the_trunk(laboratory: Laboratory) -> None:
    seen = seen_of(laboratory, "answers", "407 and digest")
    text = json.dumps(seen.explanation)
    assert "Proxy-Authorization" in text
    assert "response=" not in text
    assert "secret" not in text


@pytest.mark.case_file("reasons")
def test_the_carriers_own_reason_stands_beside_our_word(laboratory: Laboratory) -> None:
    leg = seen_of(laboratory, "reasons", "500 with cause 41").legs[0]
    assert leg["status"] == "Failed"
    assert leg["carrier_reason"]["cause"] == 41
    assert "Temporary failure" in leg["carrier_reason"]["name"]
    assert "Temporary Failure" in leg["carrier"]
    assert "Failed" in leg["carrier"]


@pytest.mark.case_file("variables")
def test_checks_before_the_deciding_one_passed_and_those_behind_it_were_not_reached(laboratory: Laboratory) -> None:
    checks = [c for c in seen_of(laboratory, "variables", "list").explanation["checks"] if c["stage"] == "intake"]
    results = {check["check"]: check["result"] for check in checks}
    assert results["number_pattern"] == "passed"
    assert results["variables"] == "failed"
    assert results["pending_cap"] == "not_reached"
    deciding = next(check for check in checks if check["check"] == "variables")
    assert "Downtown" in deciding["value"]


@pytest.mark.case_file("claim_checks")
def test_a_record_that_ends_at_its_claim_names_the_list_version(laboratory: Laboratory) -> None:
    checks = seen_of(laboratory, "claim_checks", "blacklisted meanwhile").explanation["checks"]
    failed = [check for check in checks if check["result"] == "failed"]
    assert [check["check"] for check in failed] == ["blacklist"]
    assert failed[0]["stage"] != "intake"
    assert "version" in failed[0]["sentence"]


@pytest.mark.case_file("menus")
def test_the_path_tells_steps_branches_speech_and_keys(laboratory: Laboratory) -> None:
    path = {step["step"]: step for step in seen_of(laboratory, "menus", "the right key").explanation["path"]}
    assert any("Press 1, Asha." in line for line in path["ask"]["did"])
    assert any("pressed 1" in line for line in path["ask"]["did"])
    assert path["confirmed"]["came_from"] == "ask"
    invalid = {
        step["step"]: step for step in seen_of(laboratory, "menus", "a key that it does not know").explanation["path"]
    }
    assert any("2" in line and "invalid" in line for line in invalid["ask"]["did"])


@pytest.mark.case_file("night")
def test_the_schedule_tells_whose_hours_hold_the_record_back(laboratory: Laboratory) -> None:
    seen = seen_of(laboratory, "night", "waits for the morning")
    (line,) = seen.explanation["schedule"]
    assert "marketing hours of policy IN version 1" in line["rule"]
    assert "Etc/GMT" in line["sentence"]
    assert line["due_at"] == seen.detail["due_at"] == seen.receipt["due_at"]


@pytest.mark.case_file("expiry")
def test_a_record_that_expires_too_early_is_told_by_which_hours(laboratory: Laboratory) -> None:
    (line,) = seen_of(laboratory, "expiry", "expires before the morning").explanation["schedule"]
    assert line["due_at"] is None
    assert "marketing hours of policy IN version 1" in line["rule"]


@pytest.mark.case_file("money")
def test_a_requeue_does_not_rewrite_when_the_record_was_due_first(laboratory: Laboratory) -> None:
    seen = seen_of(laboratory, "money", "the third finds no money")
    assert seen.explanation["schedule"][0]["due_at"] == seen.receipt["due_at"]


@pytest.mark.case_file("reattempts")
def test_intervals_run_from_the_end_of_an_attempt(laboratory: Laboratory) -> None:
    attempts = seen_of(laboratory, "reattempts", "busy three times").detail["attempts"]
    ends = [datetime.fromisoformat(a["ended_at"]) for a in attempts]
    starts = [datetime.fromisoformat(a["started_at"]) for a in attempts]
    waits = [(start - end).total_seconds() for end, start in zip(ends, starts[1:], strict=False)]
    assert [round(wait) >= want for wait, want in zip(waits, (1, 2), strict=True)] == [True, True], waits
    assert all(wait < want + 5 for wait, want in zip(waits, (1, 2), strict=True)), waits


def test_case_names_are_unique_over_all_files() -> None:
    ids = [case.id for file in case_files() for case in file.cases]
    assert len(ids) == len(set(ids))


@pytest.mark.case_file("unset_variables")
def test_an_unset_variable_is_a_warning(laboratory: Laboratory) -> None:
    timeline = seen_of(laboratory, "unset_variables", "nobody said the name").explanation["timeline"]
    warnings = [entry for entry in timeline if entry["kind"] == "warning"]
    assert any("Name" in entry["title"] + entry["sentence"] for entry in warnings)


@pytest.mark.case_file("secrets")
def test_secret_digits_are_nowhere_in_the_explanation(laboratory: Laboratory) -> None:
    seen = seen_of(laboratory, "secrets", "a secret entry")
    text = json.dumps(seen.explanation)
    assert "Signal=1" not in text
    assert '"digit": "1"' not in text
    assert '"12"' not in text
