"""The MessageStore port on PostgreSQL (``queries/message.sql``), on a pool of role central_worker."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from central.adapters.postgres.account_rows import ACCOUNT_COLUMNS, account_of
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.message_batch import PostgresMessageBatch, as_json, storable, stored
from central.adapters.postgres.message_rows import carrier_of, list_dates, route_of
from central.adapters.postgres.pool import Connection, Pool, pipelined, tenant, transaction
from central.application.ports.carriers import Cancellation, CarrierId, MailHeard, ReceiptCame
from central.application.ports.mail_parts import Content, Identity
from central.application.ports.message_store import (
    Acceptance,
    Channel,
    DueMails,
    NewMessage,
    OpenCarrier,
    StaleKind,
    TokenMail,
)
from central.application.ports.settling import Foreseen
from central.application.ports.sms_templates import SmsTemplate
from central.application.ports.taking_back import TakenBack
from central.application.ports.text_routes import InboundText
from central.application.ports.world import Ids
from central.domain.ids import AccountId, MessageId
from central.domain.message_routes import CarrierRoute
from central.domain.text_answers import LIMIT_ANSWERS
from central.domain.text_routes import LIMIT_STARTS

_SQL = hot_statements("message")
_ACCOUNTS = hot_statements("dispatch")
_DOMAINS = hot_statements("mail_domain")
_receipt = msgspec.json.Decoder(ReceiptCame)
_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_STALE = {
    "lease": "lost_hand_overs",
    "silent": "silent",
    "overdue": "overdue",
    "stranded": "stranded",
    "taken_back": "taken_back",
}


class _Changed(Exception):
    """What a statement wrote does not fit together, and is taken back."""


class PostgresMessages:
    """The messages of a shard; ``pool`` is one of central_worker.

    With ``as_tenant`` it is one of central_api, and each batch that is accepted is of one account.
    """

    def __init__(self, pool: Pool, ids: Ids, *, as_tenant: bool = False) -> None:
        self._pool, self._ids, self._as_tenant = pool, ids, as_tenant

    def _open(self, accounts: Collection[AccountId]) -> AbstractAsyncContextManager[Connection]:
        if not self._as_tenant:
            return transaction(self._pool)
        (account,) = set(accounts)
        return tenant(self._pool, account)

    async def acceptance(
        self, channel: Channel, wanted: Mapping[AccountId, Sequence[str]], at: datetime,
        templates: Collection[tuple[AccountId, str]] = (),
    ) -> Mapping[AccountId, Acceptance]:  # fmt: skip
        """What is known about these accounts and recipients; see the port."""
        named = {
            "accounts": [a for a, _ in templates],
            "ids": storable([id_.encode(errors="replace").decode() for _, id_ in templates]),
        }
        pairs = [(account, recipient) for account, recipients in wanted.items() for recipient in recipients]
        asked = {"accounts": [a for a, _ in pairs], "recipients": [r for _, r in pairs], "at": at}
        accounts = {"accounts": list(wanted)}
        async with self._open(wanted.keys()) as connection:
            facts = await _ACCOUNTS["account_facts"].rows(connection, accounts)
            purses = await _ACCOUNTS["balances"].rows(connection, accounts)
            hits = await _SQL["number_hits" if channel == "sms" else "address_hits"].rows(connection, asked)
            routes = await _SQL["routes"].rows(connection, accounts | {"channel": channel})
            texts = await _SQL["templates"].rows(connection, named) if templates else []
            domains = await _SQL["proved_domains"].rows(connection, accounts) if channel == "email" else []
        listed: dict[AccountId, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        for account, recipient, name in hits:
            listed[account][recipient].add(name)
        spendable = {account: balance - reserved for account, balance, reserved in purses}
        found: dict[AccountId, Acceptance] = {}
        for row in facts:
            account = account_of(row)
            found[account.id] = Acceptance(
                account=account,
                free=spendable.get(account.id, 0) + account.credit_limit.micros,
                lists=list_dates(row[ACCOUNT_COLUMNS]),
                hits={recipient: frozenset(names) for recipient, names in listed[account.id].items()},
                routes=[route_of(row) for row in routes if row[0] == account.id],
                templates={
                    row[1]: SmsTemplate(*row[1:6]) for row in texts if row[0] == account.id and row[2] is not None
                },
                keeps_templates=any(row[6] for row in texts if row[0] == account.id),
                domains=frozenset(domain for owner, domain in domains if owner == account.id),
            )
        return found

    async def add(
        self, messages: Sequence[NewMessage], contents: Sequence[Content] = ()
    ) -> Mapping[MessageId, tuple[str, str]]:
        """Store them once; see the port."""
        if not messages:
            return {}
        rows = [
            msgspec.structs.asdict(message) | {"event_id": event_id, "links": None, "link_codes": None}
            for message, event_id in zip(messages, self._ids.uuids(len(messages)), strict=True)
        ]
        links = [{"account_id": message.account_id, **asdict(link)} for message in messages for link in message.links]
        held = [
            {"account_id": message.account_id, "id": message.id, "code": code}
            for message in messages
            for code in message.link_codes
        ]
        async with self._open({message.account_id for message in messages}) as connection:
            if links:
                await _SQL["add_links"].run(connection, {"links": as_json(links)})
            if held:
                await _SQL["adopt_links"].run(connection, {"held": as_json(held)})
            if contents:
                await _SQL["add_contents"].run(connection, {"contents": as_json(contents)})
            stored = await _SQL["add_messages"].rows(connection, {"messages": as_json(rows)})
        return {id_: (status, reason) for id_, status, reason in stored}

    async def due_mails(
        self, carrier: OpenCarrier, limit: int, limit_bytes: int, but: Collection[MessageId], at: datetime
    ) -> DueMails:
        """Due e-mails with all that they are made of; see the port."""
        asked = {"account_id": carrier.account_id, "carrier_id": carrier.id, "n": limit, "bytes": limit_bytes, "at": at}
        async with transaction(self._pool) as connection:
            rows = await _SQL["due_mails"].rows(connection, asked | {"but": list(but)})
            messages = [stored(row) for row in rows]
            if not messages:
                return DueMails()
            contents = sorted({message.content_id for message in messages if message.content_id is not None})
            who = {"accounts": [carrier.account_id] * len(contents), "ids": contents}
            bodies = dict(await _SQL["contents"].rows(connection, who))
        return DueMails(messages, bodies)

    async def identities(self, account_id: AccountId) -> Sequence[Identity]:
        """The proved domains of the account."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["identities"].rows(connection, {"account_id": account_id})
        return [
            Identity(domain, bounces, tuple(zip(keys[::2], keys[1::2], strict=True))) for domain, bounces, keys in rows
        ]

    @contextlib.asynccontextmanager
    async def hand_over(
        self, carrier: OpenCarrier, which: int | Collection[MessageId], owner: str, lease: timedelta, at: datetime
    ) -> AsyncGenerator[PostgresMessageBatch]:
        """Due messages of this carrier under lock; see the port."""
        asked = {"account_id": carrier.account_id, "carrier_id": carrier.id, "at": at}
        async with pipelined(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids, owner, lease)
            if isinstance(which, int):
                rows = await _SQL["due"].rows(connection, asked | {"n": which})
            else:
                rows = await _SQL["due_of"].rows(connection, asked | {"ids": list(which)})
            if rows:
                who = {"accounts": [row[0] for row in rows], "recipients": [row[4] for row in rows], "at": at}
                hits = await _SQL["number_hits" if carrier.channel == "sms" else "address_hits"].rows(connection, who)
                listed: dict[str, set[str]] = defaultdict(set)
                for _, recipient, name in hits:
                    listed[recipient].add(name)
                batch.messages = [stored(row, hits=frozenset(listed.get(row[4], ()))) for row in rows]
                await batch.count_money(carrier.account_id)
            yield batch

    @contextlib.asynccontextmanager
    async def answered(self, ids: Sequence[tuple[AccountId, MessageId]]) -> AsyncGenerator[PostgresMessageBatch]:
        """These messages under lock."""
        async with pipelined(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            await batch.lock(ids)
            yield batch

    @contextlib.asynccontextmanager
    async def receipts(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> AsyncGenerator[PostgresMessageBatch]:
        """The messages that the far end calls so, under lock, with their parts."""
        async with pipelined(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            await batch.lock_named(account_id, carrier, remote_ids)
            yield batch

    async def settle_foreseen(
        self, account_id: AccountId, carrier: CarrierId, told: Sequence[Foreseen], at: datetime
    ) -> AbstractSet[UUID]:
        """Write those whose message is as they assume; see the port."""
        asked = {"account_id": account_id, "carrier_id": carrier, "told": as_json(told), "at": at}
        try:
            async with transaction(self._pool) as connection:
                rows = await _SQL["settle_foreseen"].rows(connection, asked)
                if any(not whole for _, whole in rows):
                    raise _Changed
        except _Changed:  # another transaction stored news of one of them at this moment: nothing of this is written
            return frozenset()
        return {line for line, _ in rows}

    async def keep_hand_overs(
        self, held: Collection[tuple[AccountId, MessageId]], owner: str, lease: timedelta, at: datetime
    ) -> None:
        """These are not lost; see the port."""
        asked = {"accounts": [account for account, _ in held], "ids": [message for _, message in held]}
        async with transaction(self._pool) as connection:
            await _SQL["keep_hand_overs"].run(connection, asked | {"owner": owner, "lease_time": lease, "at": at})

    @contextlib.asynccontextmanager
    async def stale(self, kind: StaleKind, limit: int, at: datetime) -> AsyncGenerator[PostgresMessageBatch]:
        """Messages whose time is over, under lock; see the port."""
        async with pipelined(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            rows = await _SQL[_STALE[kind]].rows(connection, {"at": at, "n": limit})
            await batch.lock({(account, message) for account, message in rows})
            yield batch

    async def last_turns(
        self, account_id: AccountId, carrier: CarrierId, reason: str, after: datetime
    ) -> Sequence[tuple[str, datetime, int]]:
        """The last turn of each sender; see the port."""
        asked = {"account_id": account_id, "carrier_id": carrier, "reason": reason, "at": after}
        async with transaction(self._pool) as connection:
            return [(str(name), turn, int(n)) for name, turn, n in await _SQL["last_turns"].rows(connection, asked)]

    async def matchable_strays(
        self, account_id: AccountId, carrier: CarrierId, limit: int, at: datetime
    ) -> Sequence[str]:
        """Stray receipts whose message is known meanwhile."""
        asked = {"account_id": account_id, "carrier_id": carrier, "n": limit, "at": at}
        async with transaction(self._pool) as connection:
            return [remote for (remote,) in await _SQL["matchable_strays"].rows(connection, asked)]

    async def serving_routes(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[tuple[AccountId, str], Sequence[CarrierRoute]]:
        """The routes of carriers that serve now; see the port."""
        found: dict[tuple[AccountId, str], list[CarrierRoute]] = defaultdict(list)
        async with transaction(self._pool) as connection:
            for account, channel, *route in await _SQL["serving_routes"].rows(connection, {"accounts": list(accounts)}):
                found[account, channel].append(CarrierRoute(*route))
        return found

    async def unheard(self, account_id: AccountId, carrier: CarrierId, limit: int, before: datetime) -> Sequence[str]:
        """Names of parts without final news; see the port."""
        asked = {"account_id": account_id, "carrier_id": carrier, "n": limit, "before": before}
        async with transaction(self._pool) as connection:
            return [remote_id for (remote_id,) in await _SQL["unheard"].rows(connection, asked)]

    async def take_back(
        self, account_id: AccountId, channel: Channel, message: MessageId, at: datetime
    ) -> TakenBack | None:
        """Wish that it is taken back; see the port."""
        asked = {"account_id": account_id, "id": message, "channel": channel, "at": at}
        async with self._open([account_id]) as connection:
            rows = await _SQL["take_back"].rows(connection, asked)
        return TakenBack(*rows[0]) if rows else None

    async def to_cancel(
        self, account_id: AccountId, carrier: CarrierId, limit: int, at: datetime
    ) -> Sequence[Cancellation]:
        """What the carrier is to give back; see the port."""
        asked = {"account_id": account_id, "carrier_id": carrier, "n": limit, "at": at}
        async with transaction(self._pool) as connection:
            return [Cancellation(*row) for row in await _SQL["to_cancel"].rows(connection, asked)]

    async def mail_of_token(self, message: MessageId, link: int) -> TokenMail | None:
        """The e-mail that a token names; see the port."""
        async with transaction(self._pool) as connection:
            rows = await _DOMAINS["mail_of_token"].rows(connection, {"id": message, "number": link})
        if not rows:
            return None
        account, id_, recipient, accepted_at, _, target = rows[0]
        return TokenMail(account, id_, recipient, accepted_at, target)

    @contextlib.asynccontextmanager
    async def heard(
        self, news: Sequence[MailHeard], account_id: AccountId | None = None
    ) -> AsyncGenerator[tuple[PostgresMessageBatch, Mapping[str, MessageId]]]:
        """The e-mails that these news are about, under lock; see the port."""
        async with pipelined(self._pool) as connection:
            named = {one.report_id: id_ for one in news if (id_ := _named(one)) is not None}
            batch = PostgresMessageBatch(connection, self._ids)
            told = await batch.lock_mails(set(named.values()), account_id)
            ours = {message.id.int: message.id for message in batch.messages}
            found = {report: ours[id_.int] for report, id_ in named.items() if id_.int in ours}
            fresh = {report: message for report, message in found.items() if (message, report) not in told}
            unknown = [{"id": one.report_id, "body": one} for one in news if one.report_id not in found]
            if unknown:
                at = max(one.at for one in news)
                await _SQL["keep_unknown"].run(connection, {"reports": as_json(unknown), "at": at})
            yield batch, fresh

    async def keep_texts(self, carrier: OpenCarrier, texts: Sequence[InboundText], at: datetime) -> None:
        """Store what people wrote; see the port."""
        how = {
            "account_id": carrier.account_id, "carrier_id": carrier.id, "texts": as_json(texts), "at": at, "most": LIMIT_STARTS,
            "most_answers": LIMIT_ANSWERS,
        }  # fmt: skip
        async with transaction(self._pool) as connection:
            await _SQL["keep_texts"].run(connection, how)
            if any(text.wish in {"stop", "start"} for text in texts):
                await _SQL["obey_texts"].run(connection, how)

    async def carriers(self) -> Sequence[OpenCarrier]:
        """All enabled carriers of the shard."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["carriers"].rows(connection, {"kind": ""})
        return [carrier_of(row) for row in rows]

    async def gateways(self) -> Mapping[CarrierId, OpenCarrier]:
        """All carriers of the kind ``http``, enabled or not."""
        return await self._of_kind("http")

    async def relays(self) -> Mapping[CarrierId, OpenCarrier]:
        """All carriers of the kind ``smtp``, enabled or not."""
        return await self._of_kind("smtp")

    async def _of_kind(self, kind: str) -> Mapping[CarrierId, OpenCarrier]:
        async with transaction(self._pool) as connection:
            rows = await _SQL["carriers"].rows(connection, {"kind": kind})
        return {found.id: found for found in map(carrier_of, rows)}

    async def tell_mailbox(self, account_id: AccountId, carrier: CarrierId, state: str) -> None:
        """How the mailbox of a relay is now, for people."""
        told = {"account_id": account_id, "id": carrier, "state": state[:300].replace("\x00", " ")}
        async with transaction(self._pool) as connection:
            await _SQL["tell_mailbox"].run(connection, told)

    async def tell_carrier(
        self, account_id: AccountId, carrier: CarrierId, state: str, detail: str, at: datetime
    ) -> None:
        """How a carrier is now, for people."""
        told = {
            "account_id": account_id,
            "id": carrier,
            "state": state,
            "detail": detail[:300].replace("\x00", " "),
            "at": at,
        }
        async with transaction(self._pool) as connection:
            await _SQL["tell_carrier"].run(connection, told)


def _named(news: MailHeard) -> UUID | None:
    """The message that it names: proved, or by the id that we gave its envelope or header."""
    if news.id is not None:
        return news.id
    for text in (news.envelope_id, news.message_id.partition("@")[0]):
        if _HEX_ID.fullmatch(text):
            return UUID(hex=text)
    return None
