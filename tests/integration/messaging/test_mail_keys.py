"""A sender domain has two keys: RSA proves it, Ed25519 signs beside it as soon as, and as long as, it is published."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from central.adapters.postgres.mail_domains import PostgresMailDomains
from central.adapters.postgres.pool import Pool
from central.adapters.smtp.identities import SenderDomains
from central.adapters.smtp.name_lookup import DnsNameLookup
from central.application.administration.acting import Actor, Auditor
from central.application.administration.maintain_mail_domains import MaintainMailDomains
from central.domain.ids import AccountId
from central.domain.mail_domains import MailHouse, WantedRecord
from examples.carrier.name_server import NameServer
from tests.integration.messaging.conftest import Post


@dataclass
class Owner:
    """Whoever publishes records of a domain, and has them checked."""

    post: Post
    account: AccountId
    domains: MaintainMailDomains
    names: NameServer

    async def signs(self) -> list[str]:
        """The selectors of the keys that sign mail of the account."""
        return [selector for one in await self.post.store.identities(self.account) for selector, _ in one.keys]

    async def check(self) -> dict[str, str]:
        _, judged = await self.domains.check(Actor(self.account, "person:1"), "shop.example.com")
        return {one.wanted.name: one.state for one in judged if one.wanted.kind == "dkim"}

    def publish(self, *records: WantedRecord) -> None:
        for one in records:
            self.names.publish(one.name, one.record_type, one.value)


@pytest.fixture
def owner(post: Post, api_pool: Pool) -> Iterator[Owner]:
    with NameServer() as names:
        records = SenderDomains(
            MailHouse("mx.example.net", ("ip4:192.0.2.1",)), DnsNameLookup([("127.0.0.1", names.port)])
        )
        domains = MaintainMailDomains(PostgresMailDomains(api_pool), records, Auditor(post.clock, post.ids))
        yield Owner(post, post.stock.account(), domains, names)


async def test_the_second_key_signs_as_long_as_it_is_published(owner: Owner) -> None:
    _, wanted = await owner.domains.create(Actor(owner.account, "person:1"), "shop.example.com")
    first, second = (one for one in wanted if one.kind == "dkim")
    assert (first.name, first.needed) == ("central1._domainkey.shop.example.com", True)
    assert (second.name, second.needed) == ("central1e._domainkey.shop.example.com", False)
    assert ("k=rsa" in first.value, "k=ed25519" in second.value) == (True, True)
    owner.publish(*(one for one in wanted if one != second))
    assert await owner.check() == {first.name: "right", second.name: "missing"}
    assert await owner.signs() == ["central1"]
    owner.publish(second)
    assert await owner.check() == {first.name: "right", second.name: "right"}
    assert await owner.signs() == ["central1", "central1e"]
    owner.names.withdraw(second.name, "TXT")
    assert (await owner.check())[second.name] == "missing"
    assert await owner.signs() == ["central1"]


async def test_the_second_key_proves_nothing_alone(owner: Owner) -> None:
    _, wanted = await owner.domains.create(Actor(owner.account, "person:1"), "shop.example.com")
    owner.publish(*(one for one in wanted if "central1." not in one.name))
    await owner.check()
    assert await owner.signs() == []


async def test_a_domain_from_before_has_one_key(owner: Owner, post: Post) -> None:
    _, wanted = await owner.domains.create(Actor(owner.account, "person:1"), "shop.example.com")
    post.stock.run("update mail_domain set ed25519_selector = '', ed25519_key = ''")
    owner.publish(*wanted)
    assert await owner.check() == {"central1._domainkey.shop.example.com": "right"}
    assert await owner.signs() == ["central1"]
