"""``make demo-messages``: a real SMSC and a real Postfix on this machine, 2,000 SMS and 2,000 e-mails, and what became of them.

python -m examples.demo.messages            keeps Central running afterwards; Ctrl-C ends it
python -m examples.demo.messages --exit     ends after the table; exit status 0 only if every one ended as its recipient demands
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
from rich.table import Table

from central.cli.client import ApiClient
from central.cli.output import console, say
from central.settings import read_settings
from examples.carrier.mail_house import MailHouse
from examples.carrier.name_server import NameServer
from examples.carrier.sms_center import SmsCenter
from examples.demo.installation import DemoFailed, DemoInstallation, free_port
from examples.demo.message_list import Person, people

DOMAIN = "shop.example"
HTML = (
    "<p>Dear {{ name }},</p><p>your order is on its way. "
    "<a href='https://shop.example/orders?of={{ name | url_encode }}'>Follow it</a>.</p>"
)
_LIMIT_S = 180.0
_BATCH = 1_000
_SHOWN = 12


def main() -> int:
    """Run the demonstration; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo-messages", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end after the table")
    parser.add_argument("--folder", type=Path, default=Path("var/demo-messages"), help="state folder, made anew")
    options = parser.parse_args()
    begun = time.monotonic()
    cache = read_settings().cache_dir / "far-ends"
    bounces = free_port(15025)
    try:
        with ExitStack() as open_:
            names = open_.enter_context(NameServer())
            settings = {
                "CENTRAL_BOUNCE_DOMAIN": "bounces.central.example", "CENTRAL_BOUNCE_PORT": str(bounces),
                "CENTRAL_DNS_SERVERS": f"127.0.0.1:{names.port}", "CENTRAL_CARRIER_NETWORKS": "127.0.0.0/8", "CENTRAL_SPF_TERMS": "ip4:127.0.0.1",
            }  # fmt: skip
            central = open_.enter_context(DemoInstallation(options.folder.resolve(), settings))
            center = open_.enter_context(SmsCenter(cache, ids="mixed"))
            house = open_.enter_context(
                MailHouse(
                    cache, bounces_to=bounces, web_port=central.api_port, reads_after_s=3, lifetime_s=120, keep=False
                )
            )
            say(
                "Central runs at ",
                (central.url, "bold"),
                f", the SMSC at port {center.port}, Postfix at port {house.ports.smtp}",
            )
            account = json.loads(central.central("init", "--account", "demo", "--policy", "LAB", "--json"))
            wrong = asyncio.run(_run(central.url, account["key"], center, house, names))
            wrong += [f"{number}: taken {n} times" for (number, _, _), n in center.accepted().items() if n != 1]
            _tell(wrong, time.monotonic() - begun)
            if options.exit:
                return 1 if wrong else 0
            say("The API keeps running at ", (central.url, "bold"), f" (key {account['key']}). Ctrl-C ends it.")
            central.wait()
    except DemoFailed as error:
        say(("the demo failed: ", "bold red"), str(error))
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


async def _run(url: str, key: str, center: SmsCenter, house: MailHouse, names: NameServer) -> list[str]:
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        api = ApiClient(session, url)
        await _connect(api, center, house, names)
        everybody = people()
        begun = time.monotonic()
        await _send(api, everybody)
        say(f"{len(everybody):,} SMS and {len(everybody):,} e-mails are taken over, {time.monotonic() - begun:.1f} s")
        await _watch(api, everybody, begun)
        wrong = await _compare(api, "/sms", {one.number: one.sms for one in everybody})
        return wrong + await _compare(api, "/emails", {one.address: one.email for one in everybody})


async def _connect(api: ApiClient, center: SmsCenter, house: MailHouse, names: NameServer) -> None:
    """A carrier, a relay, and a sender's domain that is proved by its records."""
    smpp = {"host": center.host, "port": center.port, "system_id": center.system_id, "window": 50, "binds": 2}
    body = {"name": "smsc", "kind": "smpp", "settings": smpp, "secrets": {"password": center.password}}
    await api.call("POST", "/carriers", body=body)
    smtp = {"host": "127.0.0.1", "port": house.ports.smtp, "tls": "none", "hello": "central.example"}
    await api.call("POST", "/carriers", body={"name": "postfix", "kind": "smtp", "settings": smtp})
    domain = await api.call("POST", "/mail-domains", body={"domain": DOMAIN})
    for record in domain["records"]:
        names.publish(record["name"], record["record_type"], record["value"])
        if record["kind"] == "dkim":
            house.publish(DOMAIN, record["name"].split(".")[0], record["value"])
    checked = await api.call("POST", f"/mail-domains/{DOMAIN}/check")
    if not checked["verified_at"]:
        raise DemoFailed(f"the domain {DOMAIN} was not proved: {checked['records']}")


async def _send(api: ApiClient, everybody: Sequence[Person]) -> None:
    for start in range(0, len(everybody), _BATCH):
        part = everybody[start : start + _BATCH]
        texts = [
            {"to": one.number, "text": f"Dear {one.name}, your order is on its way.", "sender": "SHOP"} for one in part
        ]
        await api.call("POST", "/sms", body={"messages": texts})
        mails = [
            {
                "to": [one.address], "sender": f"The Shop <news@{DOMAIN}>", "subject": "Your order, {{ name }}", "html": HTML,
                "values": {"name": one.name}, "tracking": True,
            }
            for one in part
        ]  # fmt: skip
        await api.call("POST", "/emails", body={"emails": mails})


async def _watch(api: ApiClient, everybody: Sequence[Person], begun: float) -> None:
    """Show the counts until they are as demanded, or time is over."""
    wanted = Counter(one.sms for one in everybody), Counter(one.email for one in everybody)
    while True:
        told = await api.call("GET", "/sms/counts"), await api.call("GET", "/emails/counts")
        right = [
            sum(min(n, want[status]) for status, n in counts.items()) for counts, want in zip(told, wanted, strict=True)
        ]
        seconds = time.monotonic() - begun
        line = f"{seconds:6.1f} s   SMS {right[0]:5,} of {len(everybody):,}   e-mail {right[1]:5,} of {len(everybody):,} as demanded"
        say(line, end="\r" if console.is_terminal else "\n")
        if right == [len(everybody)] * 2 or seconds > _LIMIT_S:
            say("")
            console.print(_table("SMS", told[0], wanted[0]), _table("e-mail", told[1], wanted[1]))
            return
        await asyncio.sleep(1)


def _table(title: str, told: Mapping[str, int], wanted: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left")
    for name, right in (("status", False), ("messages", True), ("demanded", True)):
        table.add_column(name, justify="right" if right else "left")
    for status in sorted({*told, *wanted}, key=lambda one: -wanted.get(one, 0)):
        n, want = told.get(status, 0), wanted.get(status, 0)
        table.add_row(status, f"{n:,}", f"{want:,}", style="" if n == want else "red")
    return table


async def _compare(api: ApiClient, path: str, wanted: Mapping[str, str]) -> list[str]:
    """Every message beside what its recipient demands."""
    rows: list[dict[str, Any]] = [row async for row in api.pages(path, {"limit": 500})]
    seen = {row["to"]: row for row in rows}
    wrong = [f"{to}: no message" for to in wanted if to not in seen]
    return wrong + [
        f"{to}: {row['status']} ({row['reason']}), demanded {wanted[to]}. {row['explanation']}"
        for to, row in seen.items()
        if row["status"] != wanted.get(to)
    ]


def _tell(wrong: Sequence[str], seconds: float) -> None:
    if not wrong:
        say(("✓", "bold green"), f" all 4,000 messages ended as their recipients demand, {seconds:.1f} s in all")
        return
    say(("✗", "bold red"), f" {len(wrong)} differences, {seconds:.1f} s in all")
    for line in wrong[:_SHOWN]:
        say(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
