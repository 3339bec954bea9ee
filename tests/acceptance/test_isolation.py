"""Account B sees and touches nothing of account A, whatever ids it knows."""

from __future__ import annotations

import pytest

from tests.acceptance.laboratory import Laboratory
from tests.acceptance.playing import Played
from tests.api_client import ApiRefused

pytestmark = [pytest.mark.case_file("capacity")]


@pytest.fixture
def theirs(laboratory: Laboratory) -> Played:
    """Account A after its list has been played."""
    return laboratory.played("capacity")


def test_lists_of_another_account_hold_nothing_of_it(laboratory: Laboratory, theirs: Played) -> None:
    mine = laboratory.installation.api()
    assert mine.get("/account")["id"] != theirs.account_id
    assert theirs.request_id not in {request["request_id"] for request in mine.pages("/requests")}
    for path, theirs_ids in (
        ("/flows", {theirs.flow_id}),
        ("/trunks", {trunk["id"] for trunk in theirs.api.pages("/trunks")}),
        ("/keys", {key["id"] for key in theirs.api.pages("/keys")}),
    ):
        assert theirs_ids, path
        assert not theirs_ids & {row["id"] for row in mine.pages(path)}, path
    assert mine.get("/dids")["items"] == []
    mine.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/requests/{request}"),
        ("GET", "/requests/{request}/records"),
        ("GET", "/requests/{request}/report"),
        ("GET", "/requests/{request}/rejects.csv"),
        ("POST", "/requests/{request}/pause"),
        ("POST", "/requests/{request}/stop"),
        ("POST", "/requests/{request}/requeue"),
        ("GET", "/records/{record}"),
        ("GET", "/records/{record}/timeline"),
        ("POST", "/records/{record}/stop"),
        ("GET", "/flows/{flow}"),
        ("GET", "/flows/{flow}/draft"),
        ("POST", "/flows/{flow}/stop"),
        ("GET", "/trunks/{trunk}"),
        ("DELETE", "/trunks/{trunk}"),
    ],
)
def test_ids_of_another_account_do_not_exist(laboratory: Laboratory, theirs: Played, method: str, path: str) -> None:
    mine = laboratory.installation.api()
    ids = {
        "request": theirs.request_id,
        "record": next(iter(theirs.seen.values())).receipt["record_id"],
        "flow": theirs.flow_id,
        "trunk": next(theirs.api.pages("/trunks"))["id"],
    }
    with pytest.raises(ApiRefused) as refused:
        mine.call(method, path.format(**ids))
    mine.close()
    assert refused.value.status == 404


def test_a_request_for_another_accounts_flow_is_refused(laboratory: Laboratory, theirs: Played) -> None:
    mine = laboratory.installation.api()
    with pytest.raises(ApiRefused) as refused:
        mine.post("/requests", {"flow": theirs.flow_id, "records": [{"numbers": ["919800000001"]}]})
    mine.close()
    assert refused.value.code == "flow_not_found"
