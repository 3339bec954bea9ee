"""The MessageStore port on PostgreSQL (``queries/message.sql``), on a pool of role central_worker."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import msgspec

from central.adapters.postgres.account_rows import ACCOUNT_COLUMNS, account_of
from central.adapters.postgres.hot_statements import hot_statements
from central.adapters.postgres.message_rows import carrier_of, list_dates, route_of
from central.adapters.postgres.pool import Connection, Pool, tenant, transaction
from central.application.ports.carriers import CarrierId, MailHeard, ReceiptCame
from central.application.ports.message_store import (
    Acceptance,
    Channel,
    Content,
    Identity,
    InboundText,
    KnownPart,
    MailTargets,
    MessageEvent,
    Move,
    NewMessage,
    OpenCarrier,
    PartMove,
    SmsTemplate,
    StoredMessage,
    Suppression,
    TokenMail,
)
from central.application.ports.world import Ids
from central.domain.accounts import Account
from central.domain.ids import AccountId, MessageId

_SQL = hot_statements("message")
_ACCOUNTS = hot_statements("dispatch")
_DOMAINS = hot_statements("mail_domain")
_receipt = msgspec.json.Decoder(ReceiptCame)
_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_HEX_ID = re.compile(r"[0-9a-f]{32}")
_STALE = {"lease": "lost_hand_overs", "silent": "silent", "overdue": "overdue"}


class PostgresMessageBatch:
    """One open transaction over locked messages (port MessageBatch)."""

    def __init__(
        self, connection: Connection, ids: Ids, owner: str = "", lease: timedelta = timedelta(seconds=60)
    ) -> None:
        self._connection, self._ids, self._owner, self._lease = connection, ids, owner, lease
        self.messages: Sequence[StoredMessage] = ()
        self.account: Account | None = None
        self.free = 0

    async def lock(self, ids: Collection[tuple[AccountId, MessageId]]) -> None:
        """Lock these messages, with their parts."""
        if not ids:
            return
        asked = {"accounts": [account for account, _ in ids], "ids": [message for _, message in ids]}
        rows = await _SQL["by_ids"].rows(self._connection, asked)
        parts: dict[UUID, list[KnownPart]] = defaultdict(list)
        for _, message, part, carrier, remote, status, states in await _SQL["parts_of"].rows(self._connection, asked):
            parts[message].append(KnownPart(part, carrier, remote, status, tuple(states)))
        self.messages = [_stored(row, parts=tuple(parts.get(row[1], ()))) for row in rows]

    async def keep_targets(self, targets: Sequence[MailTargets], at: datetime) -> None:
        """Store where tracked links lead."""
        if targets:
            await _SQL["keep_targets"].run(self._connection, {"targets": _json(targets), "at": at})

    async def identities(self, account_id: AccountId) -> Sequence[Identity]:
        """The proved domains of the account."""
        return [Identity(*row) for row in await _SQL["identities"].rows(self._connection, {"account_id": account_id})]

    async def contents(self, ids: Sequence[tuple[AccountId, UUID]]) -> Mapping[UUID, Mapping[str, object]]:
        """The contents of e-mails."""
        asked = {"accounts": [account for account, _ in ids], "ids": [id_ for _, id_ in ids]}
        return dict(await _SQL["contents"].rows(self._connection, asked))

    async def suppress(self, rows: Sequence[Suppression], at: datetime) -> None:
        """Write no more to these; see the port."""
        if rows:
            await _SQL["suppress"].run(self._connection, {"rows": _json(rows), "at": at})

    async def reload(self) -> None:
        """Read the same messages again."""
        await self.lock({(message.account_id, message.id) for message in self.messages})

    async def count_money(self, account_id: AccountId) -> None:
        """Read the account and what it can spend; where messages cost something, nobody else spends it meanwhile."""
        accounts = {"accounts": [account_id]}
        rows = await _ACCOUNTS["account_facts"].rows(self._connection, accounts)
        account = self.account = account_of(rows[0])
        priced = bool(account.rate_plan.sms or account.rate_plan.email)
        purses = await _ACCOUNTS["lock_balances" if priced else "balances"].rows(self._connection, accounts)
        self.free = account.credit_limit.micros + sum(balance - reserved for _, balance, reserved in purses)

    async def write(
        self, moves: Sequence[Move], events: Sequence[MessageEvent], parts: Sequence[PartMove], at: datetime
    ) -> None:
        """Store moves, events and parts; see the port."""
        if moves:
            rows = [
                {
                    "account_id": m.message.account_id, "id": m.message.id, "from_status": m.message.status, "status": m.status,
                    "reason": m.reason, "detail": m.detail[:500].replace("\x00", " "), "due_at": m.due_at, "lease": m.lease,
                    "silent_at": m.silent_at, "carrier_id": m.carrier_id, "cost": m.cost, "ids": m.ids,
                }
                for m in moves
            ]  # fmt: skip
            how = {"moves": _json(rows), "at": at, "lease_time": self._lease, "owner": self._owner}
            await _SQL["move_messages"].run(self._connection, how)
        if events:
            await _SQL["add_message_events"].run(self._connection, {"events": _json(events)})
        if parts:
            known = [
                {
                    "account_id": p.account_id, "message_id": p.message_id, "part": p.part.part, "carrier_id": p.part.carrier_id,
                    "tries": p.tries, "remote_id": p.part.remote_id, "status": p.part.status, "states": p.part.states,
                }
                for p in parts
            ]  # fmt: skip
            await _SQL["keep_parts"].run(self._connection, {"parts": _json(known), "at": at})
        await self._book(moves, at)

    async def _book(self, moves: Sequence[Move], at: datetime) -> None:
        """Money last: every worker waits for that row."""
        sums: dict[AccountId, list[int]] = {}
        for move in moves:
            if change := move.cost - move.message.cost:
                total = sums.setdefault(move.message.account_id, [0, 0])
                total[0] += change
                total[1] += 1
        if sums:
            rows = [
                {"account_id": account, "id": self._ids.uuid(), "amount": amount, "n": n}
                for account, (amount, n) in sorted(sums.items())
            ]
            await _SQL["book_messages"].run(self._connection, {"sums": _json(rows), "at": at})

    async def keep_strays(
        self, account_id: AccountId, carrier: CarrierId, receipts: Sequence[tuple[UUID, ReceiptCame]]
    ) -> None:
        """Keep receipts that fit no message (yet), under each form of their id."""
        strays = [
            {
                "id": id_,
                "remote_id": receipt.remote_id,
                "forms": sorted({receipt.remote_id, *receipt.same_ids}),
                "body": receipt,
                "came_at": receipt.at,
            }
            for id_, receipt in receipts
        ]
        how = {"account_id": account_id, "carrier_id": carrier, "strays": _json(strays)}
        await _SQL["keep_strays"].run(self._connection, how)

    async def take_strays(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> Sequence[ReceiptCame]:
        """Those that came before the answer that named these ids."""
        asked = {"account_id": account_id, "carrier_id": carrier, "remote_ids": _storable(remote_ids)}
        rows = await _SQL["take_strays"].rows(self._connection, asked)
        return [_receipt.decode(_encode(body)) for (body,) in rows]


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
        self, channel: Channel, wanted: Mapping[AccountId, Sequence[str]], at: datetime
    ) -> Mapping[AccountId, Acceptance]:
        """What is known about these accounts and recipients; see the port."""
        pairs = [(account, recipient) for account, recipients in wanted.items() for recipient in recipients]
        asked = {"accounts": [a for a, _ in pairs], "recipients": [r for _, r in pairs], "at": at}
        accounts = {"accounts": list(wanted)}
        async with self._open(wanted.keys()) as connection:
            facts = await _ACCOUNTS["account_facts"].rows(connection, accounts)
            purses = await _ACCOUNTS["balances"].rows(connection, accounts)
            hits = await _SQL["number_hits" if channel == "sms" else "address_hits"].rows(connection, asked)
            routes = await _SQL["routes"].rows(connection, accounts | {"channel": channel})
            prefixes = await _ACCOUNTS["prefix_entries"].rows(connection, accounts | {"at": at, "now": at})
            templates = await _SQL["templates"].rows(connection, accounts) if channel == "sms" else []
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
                prefixes=[(number, name) for owner, name, number in prefixes if owner == account.id],
                hits={recipient: frozenset(names) for recipient, names in listed[account.id].items()},
                routes=[route_of(row) for row in routes if row[0] == account.id],
                templates={row[1]: SmsTemplate(*row[1:5]) for row in templates if row[0] == account.id},
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
            msgspec.structs.asdict(message) | {"event_id": event_id}
            for message, event_id in zip(messages, self._ids.uuids(len(messages)), strict=True)
        ]
        async with self._open({message.account_id for message in messages}) as connection:
            if contents:
                await _SQL["add_contents"].run(connection, {"contents": _json(contents)})
            stored = await _SQL["add_messages"].rows(connection, {"messages": _json(rows)})
        return {id_: (status, reason) for id_, status, reason in stored}

    @contextlib.asynccontextmanager
    async def hand_over(
        self, carrier: OpenCarrier, limit: int, owner: str, lease: timedelta, at: datetime
    ) -> AsyncGenerator[PostgresMessageBatch]:
        """Due messages of this carrier under lock; see the port."""
        asked = {"account_id": carrier.account_id, "carrier_id": carrier.id, "n": limit, "at": at}
        async with transaction(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids, owner, lease)
            rows = await _SQL["due"].rows(connection, asked)
            if rows:
                who = {"accounts": [row[0] for row in rows], "recipients": [row[4] for row in rows], "at": at}
                hits = await _SQL["number_hits" if carrier.channel == "sms" else "address_hits"].rows(connection, who)
                listed: dict[str, set[str]] = defaultdict(set)
                for _, recipient, name in hits:
                    listed[recipient].add(name)
                batch.messages = [_stored(row, hits=frozenset(listed.get(row[4], ()))) for row in rows]
                await batch.count_money(carrier.account_id)
            yield batch

    @contextlib.asynccontextmanager
    async def answered(self, ids: Sequence[tuple[AccountId, MessageId]]) -> AsyncGenerator[PostgresMessageBatch]:
        """These messages under lock."""
        async with transaction(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            await batch.lock(ids)
            yield batch

    @contextlib.asynccontextmanager
    async def receipts(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> AsyncGenerator[PostgresMessageBatch]:
        """The messages that the far end calls so, under lock, with their parts."""
        asked = {"account_id": account_id, "carrier_id": carrier, "remote_ids": _storable(remote_ids)}
        async with transaction(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            found = await _SQL["by_remote_ids"].rows(connection, asked)
            await batch.lock({(account, message) for account, message in found})
            yield batch

    @contextlib.asynccontextmanager
    async def stale(
        self, kind: Literal["lease", "silent", "overdue"], limit: int, at: datetime
    ) -> AsyncGenerator[PostgresMessageBatch]:
        """Messages whose time is over, under lock; see the port."""
        async with transaction(self._pool) as connection:
            batch = PostgresMessageBatch(connection, self._ids)
            rows = await _SQL[_STALE[kind]].rows(connection, {"at": at, "n": limit})
            await batch.lock({(account, message) for account, message in rows})
            yield batch

    async def matchable_strays(self, limit: int, at: datetime) -> Sequence[tuple[AccountId, CarrierId, str]]:
        """Stray receipts whose message is known meanwhile."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["matchable_strays"].rows(connection, {"n": limit, "at": at})
        return [(account, carrier, remote) for account, carrier, remote in rows]

    async def unheard(self, account_id: AccountId, carrier: CarrierId, limit: int, before: datetime) -> Sequence[str]:
        """Names of parts without final news; see the port."""
        asked = {"account_id": account_id, "carrier_id": carrier, "n": limit, "before": before}
        async with transaction(self._pool) as connection:
            return [remote_id for (remote_id,) in await _SQL["unheard"].rows(connection, asked)]

    async def mail_of_token(self, message: MessageId, link: int, at: datetime) -> TokenMail | None:
        """The e-mail that a token names; see the port."""
        async with transaction(self._pool) as connection:
            rows = await _DOMAINS["mail_of_token"].rows(connection, {"id": message, "number": link})
            if not rows:
                return None
            account, id_, recipient, accepted_at, _, target = rows[0]
            asked = {"account_id": account, "id": id_, "at": at}
            links = await _DOMAINS["hits_around"].value(connection, asked)
        return TokenMail(account, id_, recipient, accepted_at, target, int(links or 0))

    @contextlib.asynccontextmanager
    async def heard(
        self, news: Sequence[MailHeard]
    ) -> AsyncGenerator[tuple[PostgresMessageBatch, Mapping[str, MessageId]]]:
        """The e-mails that these news are about, under lock; see the port."""
        async with transaction(self._pool) as connection:
            found: dict[str, tuple[AccountId, MessageId]] = {}
            named = [(one.report_id, id_) for one in news if (id_ := _named(one)) is not None]
            asked: dict[str, object] = {"reports": [report for report, _ in named], "ids": [id_ for _, id_ in named]}
            for account, message, report in await _SQL["mails_named"].rows(connection, asked):
                found[report] = (account, message)
            batch = PostgresMessageBatch(connection, self._ids)
            await batch.lock(set(found.values()))
            locked = list({(message.account_id, message.id) for message in batch.messages})
            who = {"accounts": [account for account, _ in locked], "ids": [message for _, message in locked]}
            told = set(await _SQL["told_before"].rows(connection, who))
            fresh = {report: message for report, (_, message) in found.items() if (message, report) not in told}
            unknown = [{"id": one.report_id, "body": one} for one in news if one.report_id not in found]
            if unknown:
                at = max(one.at for one in news)
                await _SQL["keep_unknown"].run(connection, {"reports": _json(unknown), "at": at})
            yield batch, fresh

    async def keep_texts(self, carrier: OpenCarrier, texts: Sequence[InboundText], at: datetime) -> None:
        """Store what people wrote; see the port."""
        how = {"account_id": carrier.account_id, "carrier_id": carrier.id, "texts": _json(texts), "at": at}
        async with transaction(self._pool) as connection:
            await _SQL["keep_texts"].run(connection, how)
            if any(text.wish in {"stop", "start"} for text in texts):
                await _SQL["obey_texts"].run(connection, how)

    async def carriers(self) -> Sequence[OpenCarrier]:
        """All enabled carriers of the shard."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["carriers"].rows(connection, {"gateways": False})
        return [carrier_of(row) for row in rows]

    async def gateways(self) -> Mapping[CarrierId, OpenCarrier]:
        """All carriers of the kind ``http``, enabled or not."""
        async with transaction(self._pool) as connection:
            rows = await _SQL["carriers"].rows(connection, {"gateways": True})
        return {found.id: found for found in map(carrier_of, rows)}

    async def tell_carrier(
        self, account_id: AccountId, carrier: CarrierId, state: str, detail: str, at: datetime
    ) -> None:
        """How a carrier is now, for people."""
        told = {"account_id": account_id, "id": carrier, "state": state, "detail": detail[:300], "at": at}
        async with transaction(self._pool) as connection:
            await _SQL["tell_carrier"].run(connection, told)


def _stored(row: Sequence[Any], hits: frozenset[str] = frozenset(), parts: tuple[KnownPart, ...] = ()) -> StoredMessage:
    return msgspec.structs.replace(StoredMessage(*row), hits=hits, known_parts=parts)


def _named(news: MailHeard) -> UUID | None:
    """The message that it names: proved, or by the id that we gave its envelope or header."""
    if news.id is not None:
        return news.id
    for text in (news.envelope_id, news.message_id.partition("@")[0]):
        if _HEX_ID.fullmatch(text):
            return UUID(hex=text)
    return None


def _storable(texts: Sequence[str]) -> list[str]:
    return [text.replace("\x00", "\ufffd") for text in texts]


def _json(value: object) -> str:
    """One jsonb parameter; what far ends write may hold U+0000, which PostgreSQL's text cannot."""
    text = _encode(value)
    return (_NUL.sub(rb"\1\\ufffd", text) if b"\\u0000" in text else text).decode()
