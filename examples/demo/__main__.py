"""``make demo``: start Central and a carrier, upload a thousand contacts, watch real calls, print the report.

python -m examples.demo            keeps Central running afterwards; Ctrl-C ends it
python -m examples.demo --exit     ends after the report; exit status 0 only if every record ended as it must
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from central.cli.client import ApiClient
from central.cli.output import say
from central.domain.moves import WAITING_FLOW
from examples.carrier.demo import DemoCarrier
from examples.demo.check import differences, read_expectations, waiting
from examples.demo.installation import DemoFailed, DemoInstallation, free_port
from examples.demo.make_list import BLACKLIST, CONTACTS, DND, EXPECTED, HERE

FLOW = HERE / "appointment-reminder.yaml"
DID = "918000000001"
_SHOWN = 12


def main() -> int:
    """Run the demonstration; the exit status."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--exit", action="store_true", help="end after the report")
    parser.add_argument("--folder", type=Path, default=Path("var/demo"), help="state folder, made anew for each run")
    options = parser.parse_args()
    begun = time.monotonic()
    try:
        with (
            DemoInstallation(options.folder.resolve()) as central,
            DemoCarrier(port=free_port(15060)) as carrier,
        ):
            took = f"{time.monotonic() - begun:.1f} s"
            say("Central runs at ", (central.url, "bold"), f" ({took}), the carrier at 127.0.0.1:{carrier.port}")
            account = json.loads(central.central("init", "--account", "demo", "--policy", "LAB", "--json"))
            request_id = asyncio.run(_prepare(central.url, account["key"], carrier.port))
            subprocess.run(
                [sys.executable, "-m", "central", "request", "watch", request_id, "--until-pending", str(_still_waiting())],
                env=central.environment, check=True,
            )  # fmt: skip
            subprocess.run(
                [sys.executable, "-m", "central", "request", "report", request_id], env=central.environment, check=True
            )
            wrong = asyncio.run(_check(central.url, account["key"], request_id))
            _tell(wrong, time.monotonic() - begun)
            if options.exit:
                return 1 if wrong else 0
            say("")
            say("The API keeps running at ", (central.url, "bold"), f" (key {account['key']}). Ctrl-C ends it.")
            central.wait()
    except DemoFailed as error:
        say(("the demo failed: ", "bold red"), str(error))
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


async def _prepare(url: str, key: str, carrier_port: int) -> str:
    """Trunk, DID, lists, flow, upload; answers the request's id."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        api = ApiClient(session, url)
        trunk = {
            "name": "demo-carrier", "host": "127.0.0.1", "port": carrier_port, "channel_cap": 250, "cps_cap": 50,
            "tag_calls": True,
        }  # fmt: skip
        await api.call("POST", "/trunks", body=trunk)
        await api.call("POST", "/dids", body={"dids": [{"number": DID, "label": "demo"}]})
        for name, file in (("blacklist", BLACKLIST), ("dnd", DND)):
            await api.upload(f"/lists/{name}/import", file, "text/csv", {})
        flow = await api.call("POST", "/flows", data=FLOW.read_bytes(), headers={"Content-Type": "application/yaml"})
        await api.call("PUT", f"/flows/{flow['id']}/dids", body={"dids": [DID]})
        await api.call("POST", f"/flows/{flow['id']}/publish", body={"note": "demo"})
        query = {"flow": flow["id"], "filename": CONTACTS.name, "name": "appointments of the demo"}
        accepted = await api.upload("/requests/upload", CONTACTS, "text/csv", query)
        uploaded = f" published, {CONTACTS.name} uploaded: request {accepted['request_id']}"
        say("flow ", (flow["name"], "bold"), uploaded)
        return str(accepted["request_id"])


async def _check(url: str, key: str, request_id: str) -> list[str]:
    """Compare every record with its expectation."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        api = ApiClient(session, url)
        records: list[dict[str, Any]] = [
            row async for row in api.pages(f"/requests/{request_id}/records", {"limit": 500})
        ]
    return differences(records, read_expectations(EXPECTED))


def _still_waiting() -> int:
    return waiting(read_expectations(EXPECTED), WAITING_FLOW)


def _tell(wrong: list[str], seconds: float) -> None:
    expected, still = read_expectations(EXPECTED), _still_waiting()
    if not wrong:
        as_demanded = f" all {len(expected)} records are as their behaviour demands ({still} of them wait on purpose)"
        say(("✓", "bold green"), f"{as_demanded}, {seconds:.1f} s in all")
        return
    say(("✗", "bold red"), f" {len(wrong)} differences, {seconds:.1f} s in all")
    for line in wrong[:_SHOWN]:
        say(f"  {line}")


if __name__ == "__main__":
    sys.exit(main())
