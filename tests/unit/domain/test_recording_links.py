"""Links to recordings: good for one recording, until they expire, and for nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.domain.errors import Forbidden, Refused
from central.domain.ids import AccountId
from central.domain.recording_links import RecordingLinks

NOW = datetime(2026, 3, 2, 9, 30, 0, 750_000, tzinfo=UTC)
ACCOUNT, RECORDING = AccountId(UUID(int=1)), UUID(int=2)
LINKS = RecordingLinks("https://central.test/api/v1", "secret", timedelta(minutes=15))


def made() -> tuple[int, str]:
    url, until = LINKS.link(ACCOUNT, RECORDING, NOW)
    asked = parse_qs(urlsplit(url).query)
    assert until == NOW.replace(microsecond=0) + timedelta(minutes=15)
    assert asked["account"] == [str(ACCOUNT)]
    return int(asked["expires"][0]), asked["signature"][0]


def test_it_holds_until_it_expires() -> None:
    expires, signature = made()
    for after in (0, 600, 899):
        LINKS.check(ACCOUNT, RECORDING, expires, signature, NOW + timedelta(seconds=after))
    with pytest.raises(Refused) as caught:
        LINKS.check(ACCOUNT, RECORDING, expires, signature, NOW + timedelta(seconds=900))
    assert caught.value.code == "link_expired"


@given(
    account=st.uuids(),
    recording=st.uuids(),
    later=st.integers(0, 10**9),
    signature=st.text(max_size=80),
    secret=st.text(),
)
def test_any_change_breaks_it(account: UUID, recording: UUID, later: int, signature: str, secret: str) -> None:
    expires, good = made()
    LINKS.check(ACCOUNT, RECORDING, expires, good, NOW)
    changed = [
        (LINKS, AccountId(account), RECORDING, expires, good),
        (LINKS, ACCOUNT, recording, expires, good),
        (LINKS, ACCOUNT, RECORDING, expires + 1 + later, good),
        (LINKS, ACCOUNT, RECORDING, expires, signature),
        (RecordingLinks(LINKS.base, f"other{secret}"), ACCOUNT, RECORDING, expires, good),
    ]
    for links, whose, which, until, mark in changed:
        with pytest.raises(Forbidden) as caught:
            links.check(whose, which, until, mark, NOW)
        assert caught.value.code == "link_invalid"
