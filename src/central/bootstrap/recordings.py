"""Where recordings are kept, and what their links are signed with."""

from __future__ import annotations

import contextlib
import os
import tempfile
from datetime import timedelta
from pathlib import Path

from central.adapters.postgres.pool import Pool
from central.adapters.postgres.recordings import PostgresRecordings
from central.adapters.recordings.folder import FolderStorage
from central.adapters.recordings.spool import DiskSpool
from central.adapters.system import SystemIds
from central.application.conversation.store_recordings import RecordingParts
from central.application.ports.recordings import RecordingStorage
from central.domain.recording_links import RecordingLinks
from central.settings import Settings

_PREFIX = "/api/v1"


def recording_storage(settings: Settings) -> RecordingStorage:
    """The folder of this installation."""
    return FolderStorage(settings.recordings_dir or settings.state_dir / "recordings")


def recording_parts(settings: Settings, pool: Pool) -> RecordingParts:
    """What a voice node needs to record; ``pool`` is one of central_worker."""
    return RecordingParts(
        spool=DiskSpool(settings.state_dir / f"recording-spool-{settings.node_name}"),
        storage=recording_storage(settings),
        index=PostgresRecordings(pool),
        keep_days=settings.keep_recordings_days,
        name=settings.recording_name,
    )


def recording_links(settings: Settings) -> RecordingLinks:
    """What makes and checks links; without a secret in the settings, with one that this machine makes once."""
    secret = settings.recording_link_secret or _own_secret(settings.state_dir / "recording-links.key")
    lasts = timedelta(minutes=settings.recording_link_minutes)
    return RecordingLinks(settings.api_address.rstrip("/") + _PREFIX, secret, lasts)


def _own_secret(path: Path) -> str:
    """Processes that start together agree on one: the first to give its file the name wins."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".key-", dir=path.parent)  # mode 0600
        with os.fdopen(handle, "w") as made:
            made.write(SystemIds().secret(32))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
        Path(name).unlink()
    return path.read_text().strip()
