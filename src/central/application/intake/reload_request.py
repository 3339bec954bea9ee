"""Reload (domain 7.6): the final records of a request become a new request that points to the old one; old ones stay as they are.

The records travel like an uploaded file, so that any number of them is loaded in the background and survives a crash.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from central.application.intake.receive_upload import ReceiveUpload, Upload
from central.application.ports.intake import IntakeStore
from central.domain.errors import Conflict, NotFound
from central.domain.ids import AccountId, RequestId

_PAGE = 5000


class ReloadRequest:
    """The use case."""

    def __init__(self, store: IntakeStore, receive: ReceiveUpload) -> None:
        self._store, self._receive = store, receive

    async def __call__(self, account_id: AccountId, request_id: RequestId, actor: str) -> RequestId:
        """Open the new request; answers its id. Raises NotFound ``request_not_found``, Conflict ``nothing_to_reload``."""
        origin = await self._store.origin(account_id, request_id)
        if origin is None:
            raise NotFound("request_not_found", "There is no such request in this account.")
        if not await self._store.final_records(account_id, request_id, None, 1):
            raise Conflict("nothing_to_reload", "None of the request's records has ended yet.")
        upload = Upload(
            flow=origin.flow_id,
            mode="testing" if origin.testing else "production",
            file_name="reload.ndjson",
            media_type="application/x-ndjson",
            name=f"{origin.name} (again)".strip(),
            priority=origin.priority,
            allow_repeat=True,
            reload_of=request_id,
        )
        return await self._receive(account_id, upload, self._lines(account_id, request_id), actor)

    async def _lines(self, account_id: AccountId, request_id: RequestId) -> AsyncIterator[bytes]:
        """One JSON object a record; numbers in international form, so that no prefix is guessed again."""
        after = None
        while page := await self._store.final_records(account_id, request_id, after, _PAGE):
            after = page[-1].id
            lines: list[bytes] = []
            for record in page:
                row: dict[str, object] = {f"tel{i}": f"+{number}" for i, number in enumerate(record.numbers, start=1)}
                row |= {"client_identifier": record.client_identifier} if record.client_identifier else {}
                row |= {"time_zone": record.time_zone} if record.time_zone else {}
                row |= {f"$flow.key.{name}": value for name, value in record.variables.items()}
                lines.append(msgspec.json.encode(row))
            yield b"\n".join(lines) + b"\n"
