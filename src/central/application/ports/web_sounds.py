"""What a flow that plays from the web needs (path step 4): somebody who fetches a file, and somebody who makes it playable."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from typing_extensions import override

from central.application.ports.speech import AudioFile
from central.domain.delivery import NoAnswer
from central.domain.ids import AccountId

NoSoundReason = Literal[
    "url_refused",  # an address that may not be asked, or a redirect to one
    "url_failed",  # no answer in time, or another than 200
    "url_no_audio",  # none of the kinds that the prompt library takes, cut off, or without a sound
    "url_too_large",  # more bytes than a prompt may have
    "url_too_long",  # lasts longer than a prompt may
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file on the web; ``plain_http`` is the account's switch.

    etag, last_modified: of the version that is here already (RFC 9110, section 8.8), "" = none: an unchanged file is not sent.
    """

    url: str
    plain_http: bool = False
    etag: str = ""
    last_modified: str = ""

    @override
    def __repr__(self) -> str:
        """Without the address: it may hold personal data and secrets."""
        return f"Wanted(plain_http={self.plain_http})"


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What came back. Only the body of a 200 was kept; ``too_large`` = it has more bytes than may be kept.

    reusable: the server lets it be used again without asking (no ``no-store`` and no ``no-cache``: RFC 9111, section 5.2.2).
    """

    status: int
    etag: str = ""
    last_modified: str = ""
    reusable: bool = True
    too_large: bool = False


class WebDownloader(Protocol):
    """Fetches files for flows."""

    async def download(self, wanted: Wanted, into: Path) -> Downloaded | NoAnswer:
        """Fetch it into the file ``into``. Never raises for what the far side does; may be cancelled.

        Raises OperatorError ``sound_storage_failed`` when nothing can be written there.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoSound:
    """There is nothing to play; ``reason`` is a stable code, ``detail`` a sentence without the address."""

    reason: NoSoundReason
    detail: str = field(default="")


class WebSounds(Protocol):
    """Recordings on the web, playable on this machine."""

    async def fetch(self, account_id: AccountId, url: str, *, plain_http: bool) -> AudioFile | NoSound:
        """The recording behind an address: fetched, or as it was fetched a moment ago; those who ask together share one fetch.

        Raises OperatorError ``sox_missing`` or ``sound_storage_failed``; may be cancelled, which ends no fetch of others.
        """
        ...
