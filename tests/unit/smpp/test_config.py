"""Settings of a carrier: what is refused, what is hidden, and that a document of JSON or YAML makes one."""

from __future__ import annotations

import msgspec
import pytest

from central.adapters.smpp.config import ErrorMeaning, ExtraTlv, Override, SmppConfig
from central.domain.statuses import SmsStatus

LEAST: dict[str, object] = {"name": "c", "host": "h", "system_id": "me", "password": "secret"}


def made(**changes: object) -> SmppConfig:
    return msgspec.convert(LEAST | changes, SmppConfig)


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1}, {"port": 0}, {"window": 0}, {"binds": 0}, {"mode": "both"}, {"rate": 0}, {"burst": 2}, {"password": "ninechars"},
        {"system_id": "sixteen-letters-"}, {"system_id": ""}, {"host": ""}, {"password": "p\u00e4ss"}, {"tlvs": [{"tag": 70_000, "source": "x"}]},
        {"timers": {"reconnect": [5, 1]}}, {"timers": {"response": -1}}, {"statuses": {"four": {}}}, {"alphabet": "gsm8"},
        {"service_type": "sixsix"}, {"addresses": {"recipient": {"ton": 1, "npi": 1, "prefix": "\u20ac"}}}, {"address_range": "9" * 41},
        {"tls": {"ca_file": "/etc/passwd"}}, {"tls": {"key_file": "x"}}, {"tls": {"certificate": "x"}}, {"tls_key": "x"},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        made(**wrong)


def test_a_document_makes_a_carrier() -> None:
    document = b"""{"name": "c", "host": "h", "system_id": "me", "password": "a-long-one", "long_login": true, "mode": "pair",
        "tls": {"authorities": "x"}, "timers": {"reconnect": [2, 30]}, "tlvs": [{"tag": 5120, "source": "entity", "form": "octets"}],
        "statuses": {"0x45": {"retry": true}, "1024": {"status": "INVALID_NUMBER"}}, "errors": {"001": {"reason": "unknown"}},
        "addresses": {"recipient": {"ton": 1, "npi": 1, "prefix": "+"}}}"""
    config = msgspec.json.decode(document, type=SmppConfig)
    assert config.overrides() == {0x45: Override(retry=True), 0x400: Override(status=SmsStatus.INVALID_NUMBER)}
    assert config.tlvs == (ExtraTlv(tag=0x1400, source="entity", form="octets"),)
    assert config.errors == {"001": ErrorMeaning(reason="unknown")}
    assert config.timers.reconnect == (2, 30)
    assert made(statuses={0x45: {"retry": True}}).overrides() == {0x45: Override(retry=True)}


def test_the_password_is_not_shown() -> None:
    assert "secret" not in f"{made()} {made()!r}"
