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
from central.domain.errors import OperatorError
from central.domain.recording_links import RecordingLinks
from central.settings import Settings

_PREFIX = "/api/v1"


def recording_storage(settings: Settings) -> RecordingStorage:
    """The bucket that the settings name, else a folder. Raises OperatorError ``recordings_client_missing``, ``bad_settings``."""
    if settings.recordings_url is None:
        return FolderStorage(settings.recordings_dir or settings.state_dir / "recordings")
    try:
        from central.adapters.recordings.s3 import S3Config, S3Storage  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        message = "CENTRAL_RECORDINGS_URL needs the client for object stores: install central[s3]."
        raise OperatorError("recordings_client_missing", message) from error
    return S3Storage(
        S3Config(
            url=settings.recordings_url,
            endpoint=settings.recordings_endpoint or "",
            region=settings.recordings_region,
            key=settings.recordings_key or "",
            secret=settings.recordings_secret or "",
        )
    )


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
    secret = settings.recording_link_secret or own_secret(settings.state_dir / "recording-links.key")
    lasts = timedelta(minutes=settings.recording_link_minutes)
    return RecordingLinks(settings.api_address.rstrip("/") + _PREFIX, secret, lasts)


def own_secret(path: Path) -> str:
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
