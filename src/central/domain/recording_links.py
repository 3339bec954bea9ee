"""Signed links to recordings: who holds one may hear that recording until it expires, and nothing else. Pure.

The signature is HMAC-SHA-256 (RFC 2104) over account, recording and time of expiry with the installation's secret.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode
from uuid import UUID

from central.domain.errors import Forbidden, Refused
from central.domain.ids import AccountId

_PURPOSE = "central recording link v1"


@dataclass(frozen=True, slots=True)
class RecordingLinks:
    """Makes and checks links. ``base``: the API's address with its prefix; ``secret``: of the installation; ``lasts``: how long."""

    base: str
    secret: str = field(repr=False)
    lasts: timedelta = timedelta(minutes=15)

    def link(self, account_id: AccountId, recording: UUID, now: datetime) -> tuple[str, datetime]:
        """The address and when it expires (whole seconds, UTC)."""
        expires = int((now + self.lasts).timestamp())
        asked = {"account": account_id, "expires": expires, "signature": self._sign(account_id, recording, expires)}
        return f"{self.base}/recordings/{recording}?{urlencode(asked)}", datetime.fromtimestamp(expires, UTC)

    def check(self, account_id: AccountId, recording: UUID, expires: int, signature: str, now: datetime) -> None:
        """Raises Forbidden ``link_invalid`` for any change, Refused ``link_expired`` afterwards."""
        if not hmac.compare_digest(self._sign(account_id, recording, expires).encode(), signature.encode()):
            raise Forbidden("link_invalid", "This link was not made here, or was changed.")
        if now.timestamp() >= expires:
            raise Refused("link_expired", "The time of this link is over; read the record again for a new one.")

    def _sign(self, account_id: AccountId, recording: UUID, expires: int) -> str:
        told = "\n".join((_PURPOSE, str(account_id), str(recording), str(expires)))
        return hmac.new(self.secret.encode(), told.encode(), sha256).hexdigest()
