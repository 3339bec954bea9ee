"""The sample of docs/howto/verify-webhooks.md verifies what we sign, and refuses everything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from central.adapters.webhook.signing import sign
from central.domain.endpoints import make_secret, rotate_secret

HOWTO = Path(__file__).resolve().parents[4] / "docs/howto/verify-webhooks.md"
OLD, NEW = make_secret(bytes(32)), make_secret(bytes([7]) * 32)
BODY = '{"name":"Zoë"}'.encode()

Verifier = Callable[[str, Mapping[str, str], bytes], bool]


@pytest.fixture(scope="module")
def is_genuine() -> Verifier:
    (sample,) = re.findall(r"```python\n(.*?)```", HOWTO.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Verifier] = {}
    exec(compile(sample, HOWTO.name, "exec"), names)
    return names["is_genuine"]


def headers(at: datetime | None = None) -> dict[str, str]:
    return dict(sign(UUID(int=1), at or datetime.now(UTC), BODY, rotate_secret([OLD], NEW)))


def test_the_sample_verifies_with_the_new_and_the_old_secret(is_genuine: Verifier) -> None:
    assert is_genuine(NEW, headers(), BODY)
    assert is_genuine(OLD, headers(), BODY)


def test_the_sample_refuses_what_was_changed(is_genuine: Verifier) -> None:
    assert not is_genuine(make_secret(bytes([9]) * 32), headers(), BODY)
    assert not is_genuine(NEW, headers(), BODY + b" ")
    assert not is_genuine(NEW, headers() | {"webhook-id": "2"}, BODY)
    assert not is_genuine(NEW, headers(datetime.now(UTC) - timedelta(minutes=6)), BODY)
