"""What every storage of recordings does: whole files under their keys, ranges of them, deleted for good, away in words."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from central.adapters.recordings.folder import FolderStorage
from central.adapters.recordings.s3 import S3Config, S3Storage
from central.application.ports.recordings import RecordingStorage
from central.domain.errors import DefectError, NeighbourError, NotFound, OperatorError

KEY = "account/2026/11/23/20261123_101500_flow_918000000001.wav"


def written(folder: Path, size: int) -> tuple[Path, bytes]:
    content = os.urandom(size)
    (folder / "made.wav").write_bytes(content)
    return folder / "made.wav", content


async def read(storage: RecordingStorage, first: int, last: int, key: str = KEY) -> bytes:
    return b"".join([chunk async for chunk in storage.read(key, first, last)])


@pytest.mark.parametrize("size", [1, 300_000, 12_000_000])
async def test_what_was_put_is_read_whole_and_in_parts(storage: RecordingStorage, tmp_path: Path, size: int) -> None:
    file, content = written(tmp_path, size)
    await storage.put(KEY, file)
    assert await read(storage, 0, size - 1) == content
    assert await read(storage, size // 3, size // 2) == content[size // 3 : size // 2 + 1]
    assert file.exists()  # the spool is cleared by its owner


async def test_the_later_file_replaces_the_earlier(storage: RecordingStorage, tmp_path: Path) -> None:
    await storage.put(KEY, written(tmp_path, 5000)[0])
    file, content = written(tmp_path, 100)
    await storage.put(KEY, file)
    assert await read(storage, 0, 99) == content


async def test_what_was_deleted_is_gone_and_may_be_deleted_again(storage: RecordingStorage, tmp_path: Path) -> None:
    await storage.put(KEY, written(tmp_path, 100)[0])
    await storage.delete(KEY)
    await storage.delete(KEY)
    with pytest.raises(NotFound, match="not there"):
        await read(storage, 0, 99)


async def test_a_folder_that_cannot_be_written_is_away_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("not a folder")
    with pytest.raises(NeighbourError) as caught:
        await FolderStorage(tmp_path / "kept").put(KEY, written(tmp_path, 10)[0])
    assert caught.value.code == "recordings_away"


async def test_a_key_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DefectError):
        await FolderStorage(tmp_path / "kept").put("../../elsewhere.wav", written(tmp_path, 10)[0])


async def test_a_store_that_refuses_or_is_not_there_is_away(
    s3_config: S3Config, tmp_path: Path, free_port: int
) -> None:
    file, _ = written(tmp_path, 10)
    for bad in (
        replace(s3_config, secret="another secret"),
        replace(s3_config, endpoint=f"http://127.0.0.1:{free_port}"),
    ):
        storage = S3Storage(replace(bad, timeout_s=2))
        for deed in (storage.put(KEY, file), read(storage, 0, 9), storage.delete(KEY)):
            with pytest.raises(NeighbourError) as caught:
                await deed
            assert caught.value.code == "recordings_away"
            assert "secret" not in caught.value.message


def test_only_buckets_are_taken() -> None:
    for url in ("https://bucket/x", "s3://", "bucket"):
        with pytest.raises(OperatorError):
            S3Storage(S3Config(url=url))
