"""Settings: typed, bounded, reported all at once, printable without secrets."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest

from central.domain.errors import OperatorError
from central.settings import (
    REDACTED,
    Settings,
    child_environment,
    describe,
    parse_settings,
    read_settings,
    to_environment,
)


def problems(values: dict[str, str]) -> list[str]:
    with pytest.raises(OperatorError) as refusal:
        parse_settings(values)
    assert refusal.value.code == "bad_settings"
    return [str(line) for line in cast("list[object]", refusal.value.details["problems"])]


def test_defaults_stand_alone() -> None:
    settings = parse_settings({})
    assert (settings.api_host, settings.api_port, settings.lease_s) == ("127.0.0.1", 8400, 60)
    assert settings.database_url is None
    assert settings.sip_address == ("127.0.0.1", 5060)


def test_every_field_explains_itself() -> None:
    lines = describe(parse_settings({}))
    assert [line.variable for line in lines] == [f"CENTRAL_{field.name.upper()}" for field in fields(Settings)]
    assert all(line.help and line.origin == "default" for line in lines)
    for line in lines:
        unit = line.variable.rpartition("_")[2]
        if unit in {"S", "MS", "BYTES", "DAYS", "HOURS"}:
            assert line.unit == {"HOURS": "h"}.get(unit, unit.lower()), line.variable


def test_values_are_read_in_their_types(tmp_path: Path) -> None:
    settings = parse_settings(
        {
            "CENTRAL_STATE_DIR": str(tmp_path),
            "CENTRAL_LEASE_S": "4.5",
            "CENTRAL_UPLOAD_ROWS": "1_000",
            "CENTRAL_ALLOW_PRIVATE_WEBHOOKS": "Yes",
            "CENTRAL_SIP_BIND": "[::1]:5070",
            "CENTRAL_PG_PORT": "",
            "OTHER": "ignored",
        }
    )
    assert settings.state_dir == tmp_path
    assert settings.postgres_folder == tmp_path / "postgres"
    assert (settings.lease_s, settings.upload_rows, settings.allow_private_webhooks) == (4.5, 1000, True)
    assert (settings.sip_address, settings.pg_port) == (("::1", 5070), None)


def test_all_mistakes_are_reported_together() -> None:
    found = problems(
        {
            "CENTRAL_API_PORT": "99999",
            "CENTRAL_CHANNELS": "many",
            "CENTRAL_LOG_LEVEL": "loud",
            "CENTRAL_METRICS": "perhaps",
            "CENTRAL_CHANELS": "3",
            "CENTRAL_ASTERISK_URL": "http://127.0.0.1:8088",
            "CENTRAL_RTP_START": "30000",
            "CENTRAL_SIP_BIND": "5060",
            "CENTRAL_NODE_NAME": "Node 1",
            "CENTRAL_CARRIER_NETWORKS": "10.0.0.1/8",
        }
    )
    named = [line.partition(":")[0].removeprefix("CENTRAL_") for line in found]
    assert sorted(named) == sorted(
        [
            "API_PORT",
            "CARRIER_NETWORKS",
            "ASTERISK_PASSWORD",
            "CHANELS",
            "CHANNELS",
            "LOG_LEVEL",
            "METRICS",
            "NODE_NAME",
            "RTP_START",
            "SIP_BIND",
        ]
    )
    assert "CENTRAL_API_PORT: is 99999, must be from 0 to 65535" in found
    assert any("console" not in line and "debug, info, warning, error" in line for line in found)


def test_secrets_are_never_shown() -> None:
    secret = "postgresql://u:topsecret@db/central"
    settings = parse_settings({"CENTRAL_DATABASE_URL": secret, "CENTRAL_ASTERISK_PASSWORD": "topsecret"})
    shown = {line.variable: line.value for line in describe(settings)}
    assert shown["CENTRAL_DATABASE_URL"] == shown["CENTRAL_ASTERISK_PASSWORD"] == REDACTED
    assert "topsecret" not in str(describe(settings))
    assert "topsecret" not in repr(settings)


def test_file_lies_below_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "central.env"
    file.write_text("# ours\n\nexport CENTRAL_CPS='7'\nCENTRAL_CHANNELS=11\n")
    settings = read_settings({"CENTRAL_ENV_FILE": str(file), "CENTRAL_CHANNELS": "12"})
    assert (settings.cps, settings.channels) == (7, 12)


@pytest.mark.parametrize("content", [None, "CENTRAL_CPS\n"])
def test_bad_file_is_an_operators_matter(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "central.env"
    if content is not None:
        file.write_text(content)
    with pytest.raises(OperatorError) as refusal:
        read_settings({"CENTRAL_ENV_FILE": str(file)})
    assert refusal.value.code == "bad_settings"


def test_children_read_the_same_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CENTRAL_CPS", "3")
    settings = parse_settings({"CENTRAL_CPS": "9", "CENTRAL_LOG_PII": "on", "CENTRAL_GROUP_COMMIT_MS": "2.5"})
    assert parse_settings(to_environment(settings)) == settings
    environment = child_environment(settings, {"EXTRA": "1"})
    assert parse_settings(environment) == settings
    assert (environment["EXTRA"], "PATH" in environment) == ("1", True)


def test_recordings_need_a_bucket_both_keys_and_a_name_that_can_be() -> None:
    parse_settings({"CENTRAL_RECORDINGS_URL": "s3://my-bucket/a/b", "CENTRAL_RECORDING_NAME": "{date}-{record_id}"})
    lines = problems(
        {
            "CENTRAL_RECORDINGS_URL": "https://my-bucket",
            "CENTRAL_RECORDINGS_KEY": "k",
            "CENTRAL_RECORDING_NAME": "{date}_{secret}",
        }
    )
    assert [line.partition(":")[0] for line in lines] == [
        "CENTRAL_RECORDINGS_URL",
        "CENTRAL_RECORDINGS_KEY",
        "CENTRAL_RECORDING_NAME",
    ]
    assert problems({"CENTRAL_RECORDING_NAME": "../{date}"})
