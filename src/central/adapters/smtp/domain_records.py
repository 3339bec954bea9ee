"""The records that a sender's identity must publish, made of its keys, and checked against what the DNS says."""

from __future__ import annotations

from collections.abc import Sequence

from central.adapters.smtp.signing import public_record
from central.application.ports.composition import MailIdentity
from central.application.ports.names import NameLookup, NameQuestion
from central.domain.mail_domains import JudgedRecord, MailHouse, WantedRecord, judge_record, wanted_records


def records_of(identity: MailIdentity, house: MailHouse) -> tuple[WantedRecord, ...]:
    """What the identity's owner publishes. Raises OperatorError ``bad_dkim_key``."""
    keys = [(key.selector, public_record(key)) for key in identity.keys]
    return wanted_records(identity.domain, identity.bounce_domain, keys, house)


async def check_records(wanted: Sequence[WantedRecord], names: NameLookup) -> tuple[JudgedRecord, ...]:
    """Ask the DNS for each record and judge what it says."""
    answers = await names.look_up([NameQuestion(one.name, one.record_type) for one in wanted])
    return tuple(
        judge_record(one, None if answer.failed else answer.values) for one, answer in zip(wanted, answers, strict=True)
    )
