"""A place where news about e-mail comes in is listened to: stored first, acknowledged then (path step 5)."""

from __future__ import annotations

from central.application.messaging.store_mail_news import StoreHeard
from central.application.ports.carriers import LinkMoved, MailEar, MailHeard
from central.application.ports.telemetry import Telemetry
from central.domain.errors import NeighbourError


async def hear_mail(ear: MailEar, store: StoreHeard, telemetry: Telemetry) -> None:
    """Until the ear is closed. What cannot be stored now is refused: whoever told it keeps it and tells it again."""
    async for batch in ear.news():
        for moved in (one for one in batch.news if isinstance(one, LinkMoved)):
            telemetry.event("mail_ear_moved", link=moved.link, news=moved.news, detail=moved.detail)
        heard = [one for one in batch.news if isinstance(one, MailHeard)]
        try:
            if heard:
                await store(heard)
        except NeighbourError as error:
            telemetry.warning("mail_reports_delayed", code=error.code, reports=len(heard))
            await batch.refuse()
            continue
        await batch.ack()
