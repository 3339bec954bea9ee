"""One open transaction over locked messages (port MessageBatch): what ``messages.py`` opens."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from central.adapters.postgres.account_rows import ACCOUNT_COLUMNS, account_of
from central.adapters.postgres.hot_statements import hot_statements, rows_together
from central.adapters.postgres.message_rows import list_dates
from central.adapters.postgres.pool import Connection
from central.application.ports.carriers import CarrierId, ReceiptCame
from central.application.ports.mail_parts import MailTargets
from central.application.ports.message_store import (
    KnownPart,
    ListDate,
    MessageEvent,
    Move,
    PartMove,
    StoredMessage,
    Suppression,
    TokenMail,
)
from central.application.ports.world import Ids
from central.domain.accounts import Account
from central.domain.ids import AccountId, MessageId
from central.domain.mail_hits import LIMIT_AGENT_CHARS, Hit, HitsBefore, line_kind

_SQL = hot_statements("message")
_ACCOUNTS = hot_statements("dispatch")
_DOMAINS = hot_statements("mail_domain")
_receipt = msgspec.json.Decoder(ReceiptCame)
_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_NO_IDS: Mapping[str, str] = {}


class PostgresMessageBatch:
    """One open transaction over locked messages (port MessageBatch)."""

    def __init__(
        self, connection: Connection, ids: Ids, owner: str = "", lease: timedelta = timedelta(seconds=60)
    ) -> None:
        self._connection, self._ids, self._owner, self._lease = connection, ids, owner, lease
        self.messages: Sequence[StoredMessage] = ()
        self.account: Account | None = None
        self.lists: Mapping[str, ListDate] = {}
        self.free = 0
        self.reports: Mapping[MessageId, int] = {}

    async def lock(self, ids: Collection[tuple[AccountId, MessageId]]) -> None:
        """Lock these messages, with their parts."""
        if not ids:
            return
        asked = _keys(ids)
        self._have(*await rows_together(self._connection, (_SQL["by_ids"], asked), (_SQL["parts_of"], asked)))

    async def lock_named(self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]) -> None:
        """Lock the messages that the carrier calls so, with their parts."""
        asked = {"account_id": account_id, "carrier_id": carrier, "remote_ids": as_json(remote_ids)}
        statements = (_SQL["by_remote_ids"], asked), (_SQL["parts_of_remote_ids"], asked)
        self._have(*await rows_together(self._connection, *statements))

    async def lock_mails(self, ids: Collection[UUID], account_id: AccountId | None) -> set[tuple[UUID, str]]:
        """Lock these e-mails, which have no parts; the reports of them that are stored already."""
        if not ids:
            return set()
        asked = {"named": as_json(list(ids)), "account_id": account_id}
        rows, told = await rows_together(self._connection, (_SQL["mails_named"], asked), (_SQL["told_before"], asked))
        self._have(rows, ())
        self.reports = Counter(message for message, _, heard in told if heard)
        return {(message, report) for message, report, _ in told}

    def _have(self, rows: Sequence[Sequence[Any]], known: Sequence[Sequence[Any]]) -> None:
        parts: dict[int, list[KnownPart]] = defaultdict(list)  # by numbers: they are found sooner than UUIDs
        for message, part, carrier, remote, status, states in known:
            parts[message.int].append(KnownPart(part, carrier, remote, status, tuple(states)))
        self.messages = [_told(row, tuple(parts.get(row[1].int, ()))) for row in rows]

    async def keep_targets(self, targets: Sequence[MailTargets], at: datetime) -> None:
        """Store where tracked links lead."""
        if targets:
            await _SQL["keep_targets"].run(self._connection, {"targets": as_json(targets), "at": at})

    async def suppress(self, rows: Sequence[Suppression], at: datetime) -> None:
        """Write no more to these; see the port."""
        if rows:
            await _SQL["suppress"].run(self._connection, {"rows": as_json(rows), "at": at})

    async def hits_before(self, mail: TokenMail, hit: Hit, link: int) -> HitsBefore:
        """What was asked for of this e-mail before; see the port."""
        asked = {
            "account_id": mail.account_id, "id": mail.id, "at": hit.at, "kind": line_kind(hit), "link": link,
            "address": hit.address, "agent": hit.agent[:LIMIT_AGENT_CHARS],
        }  # fmt: skip
        links, machine, told = (await _DOMAINS["hits_around"].rows(self._connection, asked))[0]
        return HitsBefore(links, machine, frozenset(told))

    async def unsubscribed(self, mail: TokenMail) -> bool:
        """Whether its recipient has unsubscribed by it already."""
        asked = {"account_id": mail.account_id, "id": mail.id}
        return bool(await _DOMAINS["unsubscribed"].value(self._connection, asked))

    async def unfail(self, addresses: Collection[tuple[AccountId, str]]) -> None:
        """Mail reached these; see the port."""
        if addresses:
            asked = {"accounts": [account for account, _ in addresses], "addresses": [one for _, one in addresses]}
            await _SQL["unfail"].run(self._connection, asked)

    async def reload(self) -> None:
        """Read the same messages again."""
        await self.lock({(message.account_id, message.id) for message in self.messages})

    async def count_money(self, account_id: AccountId) -> None:
        """Read the account and what it can spend; where messages cost something, nobody else spends it meanwhile."""
        accounts = {"accounts": [account_id]}
        rows = await _ACCOUNTS["account_facts"].rows(self._connection, accounts)
        account = self.account = account_of(rows[0])
        self.lists = list_dates(rows[0][ACCOUNT_COLUMNS])
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
            how = {"moves": as_json(rows), "at": at, "lease_time": self._lease, "owner": self._owner}
            await _SQL["move_messages"].run(self._connection, how)
        if events:
            await _SQL["add_message_events"].run(self._connection, {"events": as_json(events)})
        if parts:
            known = [
                {
                    "account_id": p.account_id, "message_id": p.message_id, "part": p.part.part, "carrier_id": p.part.carrier_id,
                    "tries": p.tries, "remote_id": p.part.remote_id, "status": p.part.status, "states": p.part.states,
                }
                for p in parts
            ]  # fmt: skip
            await _SQL["keep_parts"].run(self._connection, {"parts": as_json(known), "at": at})
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
            await _SQL["book_messages"].run(self._connection, {"sums": as_json(rows), "at": at})

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
        how = {"account_id": account_id, "carrier_id": carrier, "strays": as_json(strays)}
        await _SQL["keep_strays"].run(self._connection, how)

    async def take_strays(
        self, account_id: AccountId, carrier: CarrierId, remote_ids: Sequence[str]
    ) -> Sequence[ReceiptCame]:
        """Those that came before the answer that named these ids."""
        asked = {"account_id": account_id, "carrier_id": carrier, "remote_ids": storable(remote_ids)}
        rows = await _SQL["take_strays"].rows(self._connection, asked)
        return [_receipt.decode(_encode(body)) for (body,) in rows]


def stored(row: Sequence[Any], hits: frozenset[str] = frozenset(), parts: tuple[KnownPart, ...] = ()) -> StoredMessage:
    r"""A message of its row, in the order of the statements\' columns."""
    fields: list[Any] = [*row, hits, parts]
    return StoredMessage(*fields)


def _told(row: Sequence[Any], parts: tuple[KnownPart, ...]) -> StoredMessage:
    """A message of which there are news, as ``by_ids`` reads it."""
    fields: list[Any] = [*row[:6], "", *row[6:13], _NO_IDS, *row[13:], None, frozenset[str](), parts]
    return StoredMessage(*fields)


def _keys(ids: Collection[tuple[AccountId, MessageId]]) -> dict[str, str]:
    return {"keys": as_json([{"a": account, "i": message} for account, message in ids])}


def storable(texts: Sequence[str]) -> list[str]:
    r"""Texts without U+0000, which PostgreSQL\'s text cannot hold."""
    return [text.replace("\x00", "\ufffd") for text in texts]


def as_json(value: object) -> str:
    """One jsonb parameter; what far ends write may hold U+0000, which PostgreSQL's text cannot."""
    text = _encode(value)
    return (_NUL.sub(rb"\1\\ufffd", text) if b"\\u0000" in text else text).decode()
