"""Messages put straight into the tables, as Central leaves them: waiting for their carrier, or sent and awaited."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from central.application.ports.carriers import CarrierId
from central.domain.ids import AccountId
from tests.stock import Stock

TEXT = "Your parcel 1234567 arrives today between 10 and 12. Reply STOP to end these messages."
_MESSAGES = """
with made as (
  insert into message (account_id, id, carrier_id, created_at, changed_at, due_at, silent_at, deadline, handed_at, tries, channel, status,
                       recipient, sender, text, encoding, purpose)
  select %(account)s, new_uuid7(), %(carrier)s, now(), now(), case when %(waiting)s then now() end,
         case when not %(waiting)s then now() + interval '4 days' end, now() + interval '1 day', case when not %(waiting)s then now() end,
         (not %(waiting)s)::int, %(channel)s, %(status)s,
         case %(channel)s when 'sms' then (919700000000 + n)::text else 'person' || n || '@example.com' end,
         case %(channel)s when 'sms' then 'CENTRAL' else '' end, case %(channel)s when 'sms' then %(text)s else '' end,
         case %(channel)s when 'sms' then 'gsm7' else '' end, 'transactional'
    from generate_series(1, %(n)s) as n
  returning account_id, id, created_at, status)
insert into message_event (account_id, message_id, id, at, kind, to_status, data)
select account_id, id, new_uuid7(), created_at, 'message_accepted', status, '{"parts": 1, "encoding": "gsm7"}' from made"""
_PARTS = """
insert into message_part (account_id, message_id, part, carrier_id, tries, remote_id, status, created_at)
select account_id, id, 1, carrier_id, 1, lpad(to_hex(row_number() over (order by id)), 8, '0'), status, created_at
  from message where account_id = %s and channel = 'sms'"""


@dataclass(frozen=True, slots=True)
class MessageStock:
    """Messages of one carrier of one account."""

    stock: Stock
    account: AccountId
    carrier: CarrierId

    def waiting(self, n: int) -> None:
        """Short messages that are due now."""
        self._messages(n, "sms", "SENT_TO_QUEUE", waiting=True)

    def sent_sms(self, n: int) -> list[tuple[str, str]]:
        """Short messages that the carrier has; its name for each, and the recipient."""
        self._messages(n, "sms", "SENT_TO_QUEUE", waiting=False)
        self.stock.run(_PARTS, self.account)
        query = "select p.remote_id, m.recipient from message_part p join message m on m.id = p.message_id order by random()"
        return [(str(remote), str(recipient)) for remote, recipient in self.stock.rows(query)]

    def sent_mails(self, n: int) -> list[tuple[UUID, str]]:
        """E-mails that the relay has; id and recipient."""
        self._messages(n, "email", "Sent", waiting=False)
        query = "select id, recipient from message where channel = 'email' order by random()"
        return [(UUID(str(id_)), str(recipient)) for id_, recipient in self.stock.rows(query)]

    def _messages(self, n: int, channel: str, status: str, *, waiting: bool) -> None:
        values = {
            "account": self.account, "carrier": self.carrier, "waiting": waiting, "channel": channel, "status": status, "n": n,
            "text": TEXT,
        }  # fmt: skip
        with self.stock.connect() as connection:
            connection.execute(_MESSAGES.encode(), values)
            connection.execute("analyze message, message_event, message_part")
